package runtime_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/echterhof/rockstar-tui/runtime"
)

// A handler may return an error with a status; OnError can answer it in another
// form.
func ExampleHTTPError() {
	err := fmt.Errorf("load user: %w", &runtime.HTTPError{Status: http.StatusNotFound, Message: "no such user"})
	var status *runtime.HTTPError
	fmt.Println(errors.As(err, &status), status.Status)
	// Output: true 404
}

// Beyond its limit a LimitedListener leaves connections in the kernel's queue.
func ExampleNewLimitedListener() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	limited := runtime.NewLimitedListener(ln, 100)
	defer limited.Close()
	fmt.Println(limited.Addr().Network())
	// Output: tcp
}

func ExampleNewRateLimitedListener() {
	ln, err := runtime.NewRateLimitedListener("127.0.0.1:0", 50)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ln.Close()
	fmt.Println(ln.Addr().Network())
	// Output: tcp
}

func ExampleGetPlatformInfo() {
	p := runtime.GetPlatformInfo()
	fmt.Println(p.CPUs > 0, p.Prefork == p.SupportsPrefork)
	// Output: true true
}
