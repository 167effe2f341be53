package procstat

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// PortHolder names who holds the port of an address: "pid 812 (nginx)", or only
// the user where the system does not let us see more; empty if nobody is found.
func PortHolder(address string, datagrams bool) string {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return ""
	}
	tables := []string{"/proc/net/tcp", "/proc/net/tcp6"}
	if datagrams {
		tables = []string{"/proc/net/udp", "/proc/net/udp6"}
	}
	inodes, user := map[string]bool{}, ""
	for _, table := range tables {
		data, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if inode, uid, ok := holds(strings.Fields(line), port, datagrams); ok {
				inodes["socket:["+inode+"]"], user = true, uid
			}
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	if who := ownerOf(inodes); who != "" {
		return who
	}
	return "a process of uid " + user
}

// holds reads a line of a table of the kernel's sockets: local address in the
// second column, state in the fourth, uid in the eighth, inode in the tenth.
func holds(columns []string, port uint64, datagrams bool) (inode, uid string, ok bool) {
	const listening = "0A"
	if len(columns) < 10 || !datagrams && columns[3] != listening {
		return "", "", false
	}
	_, hex, _ := strings.Cut(columns[1], ":")
	n, err := strconv.ParseUint(hex, 16, 16)
	return columns[9], columns[7], err == nil && n == port && columns[9] != "0"
}

// ownerOf finds a process that has one of the sockets open. A socket that was
// inherited is the parent's as well: the oldest is named.
func ownerOf(sockets map[string]bool) string {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	owner := 0
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || !sockets[target] {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err == nil && (owner == 0 || pid < owner) {
			owner = pid
		}
	}
	if owner == 0 {
		return ""
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", owner))
	if err != nil {
		return fmt.Sprintf("pid %d", owner)
	}
	return fmt.Sprintf("pid %d (%s)", owner, strings.TrimSpace(string(name)))
}
