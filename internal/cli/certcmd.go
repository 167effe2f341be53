package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// certDays is how long a certificate for trying out is valid. Browsers refuse
// those of more than 825 days.
const certDays = 825

// madeCert is the JSON of a certificate that was made.
type madeCert struct {
	CertFile string    `json:"cert_file"`
	KeyFile  string    `json:"key_file"`
	Hosts    []string  `json:"hosts"`
	Expires  time.Time `json:"expires"`
}

func (c *call) certCommand() *cobra.Command {
	var hosts []string
	cmd := &cobra.Command{
		Use:   "cert [DIR]",
		Short: "Make a self-signed certificate for trying out TLS",
		Long: `cert writes cert.pem and key.pem into DIR, else the present directory: a
certificate that nobody but you has reason to trust, for localhost, 127.0.0.1
and ::1, or for the names and addresses given. It never overwrites a file.`,
		Example: `  rockstar-tui config cert
  rockstar-tui config cert --host example.test --host 10.0.0.1 /etc/rockstar`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return c.makeCert(dir, hosts)
		},
	}
	cmd.Flags().StringArrayVar(&hosts, "host", []string{"localhost", "127.0.0.1", "::1"}, "name or address the certificate is for; may be repeated")
	return cmd
}

func (c *call) makeCert(dir string, hosts []string) error {
	made := madeCert{
		CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		Hosts: hosts, Expires: time.Now().AddDate(0, 0, certDays).UTC().Truncate(time.Second),
	}
	cert, key, err := selfsigned.Certificate{Hosts: hosts, Expires: made.Expires}.PEM()
	if err != nil {
		return failed("config cert: %v", err)
	}
	for _, file := range []string{made.CertFile, made.KeyFile} {
		if _, err := os.Lstat(file); err == nil {
			return &control.Error{Code: codeFailed, Message: file + " exists and is left as it is; name another directory"}
		}
	}
	if err := writeNew(made.KeyFile, key, 0o600); err != nil {
		return failed("config cert: %v", err)
	}
	if err := writeNew(made.CertFile, cert, 0o644); err != nil {
		return failed("config cert: %v", errors.Join(err, os.Remove(made.KeyFile)))
	}
	return c.print(made, func(p *page) {
		p.line("%s and %s are written; in a listener of the config:", made.CertFile, made.KeyFile)
		p.line("    protocol: http2")
		p.line("    tls: {cert_file: %s, key_file: %s}", made.CertFile, made.KeyFile)
	})
}

// writeNew writes a file that does not exist yet.
func writeNew(file string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close(), os.Remove(file))
	}
	return f.Close()
}
