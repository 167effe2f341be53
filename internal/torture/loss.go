//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// inNamespace marks the process that runs behind the loss.
const inNamespace = "ROCKSTAR_TORTURE_LOSS"

// lossRules drop packets of a connection's beginning, in both directions: SYN,
// SYN+ACK and ACK, the first bytes, the first datagrams of QUIC. Later loss says
// nothing of a server, it only takes time.
const lossRules = `table inet torture {
	chain input {
		type filter hook input priority 0;
		meta l4proto { tcp, udp } th dport 20000-30000 ct original packets <= 3 numgen random mod 100 < %[1]d drop
		meta l4proto { tcp, udp } th sport 20000-30000 ct reply packets <= 3 numgen random mod 100 < %[1]d drop
	}
}
`

// enterLoss runs this command line again in a network namespace of its own, if
// loss is wanted. done tells that this was it, and with which exit code.
func enterLoss(o options) (code int, done bool, err error) {
	if o.loss <= 0 {
		return 0, false, nil
	}
	if os.Getenv(inNamespace) != "" {
		return 0, false, loseBeginnings(o.loss)
	}
	if why := lossImpossible(); why != "" {
		say("skipped: %s", why)
		return 0, true, nil
	}
	self, err := os.Executable()
	if err != nil {
		return 0, true, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	// A signal to the group reaches both; this one waits for the other.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), true, nil
	}
	return 0, true, err
}

// lossImpossible is why packets cannot be lost on purpose here; empty if they can.
func lossImpossible() string {
	if os.Geteuid() != 0 {
		return "a network namespace with loss needs root"
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Sprintf("%v; on Debian: apt-get install iproute2 nftables", err)
		}
	}
	try := exec.Command("nft", "-c", "-f", "-")
	try.Stdin = strings.NewReader(fmt.Sprintf(lossRules, 1))
	try.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if text, err := try.CombinedOutput(); err != nil {
		return fmt.Sprintf("no network namespace with nftables: %v: %s", err, text)
	}
	return ""
}

// loseBeginnings sets the namespace of this process up.
func loseBeginnings(percent int) error {
	if text, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s", err, text)
	}
	// Without it nobody counts the packets of a connection.
	if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_acct", []byte("1"), 0o644); err != nil {
		return err
	}
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(fmt.Sprintf(lossRules, percent))
	if text, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, text)
	}
	return nil
}
