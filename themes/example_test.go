package themes_test

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/themes"
)

// Auto chooses a theme that suits the terminal, as its environment describes it.
func ExampleAuto() {
	dark := map[string]string{"TERM": "xterm-256color", "COLORFGBG": "15;0"}
	t, err := themes.Load(themes.Auto(func(name string) string { return dark[name] }))
	fmt.Println(t.Name, err)
	// Output: dark <nil>
}

// A mistake in a theme file is reported with its place.
func ExampleParse() {
	_, err := themes.Parse("my.yaml", []byte("name: mine\nbackground: pink\n"))
	fmt.Println(err != nil)
	// Output: true
}

func ExampleParseColor() {
	c, err := themes.ParseColor("#ff8800 208")
	fmt.Println(c, err)
	_, err = themes.ParseColor("purplish")
	fmt.Println(err != nil)
	// Output:
	// {#ff8800 208 } <nil>
	// true
}
