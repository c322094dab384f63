//go:build linux

package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"tcpprobe/internal/text"
)

// MayProbe reports whether all that a probe may need works: both kinds of sockets, and netlink.
func (e *Examination) MayProbe() bool { return e.refused() == nil }

// refused returns the error of the first of what a probe needs that does not work, or nil.
func (e *Examination) refused() error { return cmp.Or(e.rawSocket, e.packetSocket, e.netlink) }

// Print writes what was examined, a line or more for each, then whether this process may probe, and if not what would help.
func (e *Examination) Print(w io.Writer) {
	for _, c := range e.checks() {
		c.print(w)
	}
	fmt.Fprintln(w)
	if e.MayProbe() {
		fmt.Fprintln(w, "This process may probe.")
		return
	}
	fmt.Fprintln(w, "This process may not probe.")
	for _, line := range e.remedy() {
		fmt.Fprintln(w, line)
	}
	if errors.Is(e.rawSocket, os.ErrPermission) {
		fmt.Fprintln(w, "Without, \"tcpprobe HOST:PORT\" calls connect(2), as every program may: the kernel")
		fmt.Fprintln(w, "makes the handshake, and what it tells of it is shown (--send connect).")
	}
}

// check is one thing that was looked at.
type check struct {
	mark   mark
	name   string
	detail string
}

// mark is the judgement of a check.
type mark string

const (
	good         mark = "ok"
	bad          mark = "no"
	circumstance mark = "" // neither: it matters beside others
)

// judge returns good or bad.
func judge(isGood bool) mark {
	if isGood {
		return good
	}
	return bad
}

// print writes the check, in several lines if it has to. A word is never broken: it may be the name of a file.
func (c check) print(w io.Writer) {
	const width, indent = 80, 21
	line := fmt.Sprintf("%-4s%-*s", c.mark, indent-4, c.name)
	empty := true
	for _, word := range strings.Fields(text.Printable(c.detail)) {
		switch {
		case empty:
			line += word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			fmt.Fprintln(w, line)
			line = strings.Repeat(" ", indent) + word
		}
		empty = false
	}
	fmt.Fprintln(w, line)
}

// checks returns what there is to say about each thing that was examined.
func (e *Examination) checks() []check {
	return []check{
		{judge(e.rawSocket == nil), "raw IP socket", socketDetail(e.rawSocket)},
		{judge(e.packetSocket == nil), "packet socket", socketDetail(e.packetSocket)},
		{judge(e.netlink == nil), "netlink", netlinkDetail(e.netlink)},
		{judge(e.effective), "CAP_NET_RAW", e.capabilityDetail()},
		e.privilegesCheck(),
		e.fileCheck(),
		{circumstance, "user", e.userDetail()},
		e.sandboxCheck(),
		e.stampCheck(),
		e.serversCheck(),
		{circumstance, "source ports", e.portRange},
		{judge(e.noUserNamespaces == ""), "user namespaces", orElse(e.noUserNamespaces, "permitted to ordinary users, for networks of their own")},
	}
}

func socketDetail(err error) string {
	if err == nil {
		return "opens"
	}
	return failureDetail(err)
}

func netlinkDetail(err error) string {
	if err == nil {
		return "answers"
	}
	return failureDetail(err)
}

// failureDetail says why a system call failed.
func failureDetail(err error) string {
	// What was done is in the check's name.
	var system *os.SyscallError
	if errors.As(err, &system) {
		err = system.Err
	}
	return err.Error()
}

func (e *Examination) capabilityDetail() string {
	switch {
	case e.effective:
		return "effective"
	case e.permitted:
		return "permitted, but not effective"
	case e.bounding:
		return "not effective; in the bounding set, so it can be given"
	}
	return "not in the bounding set: nothing can give it to this process"
}

func (e *Examination) privilegesCheck() check {
	if !e.noNewPrivs {
		return check{good, "no_new_privs", "off"}
	}
	m := circumstance
	if !e.effective {
		m = bad
	}
	return check{m, "no_new_privs", "on: neither sudo nor a file capability gives anything"}
}

func (e *Examination) fileCheck() check {
	const name = "file capability"
	detail := "none on " + e.self
	switch e.file {
	case filePermitted:
		detail = "cap_net_raw+p on " + e.self
	case fileEffective:
		detail = "cap_net_raw+ep on " + e.self
	}
	if e.file != fileNone && e.nosuid {
		return check{judge(e.effective), name, detail + ", without effect: its file system is mounted nosuid"}
	}
	return check{circumstance, name, detail}
}

func (e *Examination) userDetail() string {
	detail := fmt.Sprintf("uid %d", e.uid)
	if e.inUserNamespace {
		detail += " of a user namespace"
	}
	if e.inContainer {
		detail += ", in a container"
	}
	return detail
}

// sandboxCheck says which of its layers the sandbox has here, and why it lacks the others.
func (e *Examination) sandboxCheck() check {
	var held, missing []string
	for _, layer := range []struct {
		name string
		err  error
	}{
		{"capabilities", e.sandbox.Capabilities},
		{"no_new_privs", e.sandbox.NoNewPrivs},
		{"Landlock", e.sandbox.Landlock},
		{"seccomp", e.sandbox.Seccomp},
	} {
		if layer.err == nil {
			held = append(held, layer.name)
		} else {
			missing = append(missing, fmt.Sprintf("%s: %s", layer.name, layerDetail(layer.err)))
		}
	}
	detail := strings.Join(held, ", ")
	if len(missing) > 0 {
		detail += "; without " + strings.Join(missing, "; ")
	}
	return check{judge(len(missing) == 0), "sandbox", detail}
}

// layerDetail says why a layer of the sandbox is missing.
func layerDetail(err error) string {
	if errors.Is(err, errors.ErrUnsupported) {
		return "this kernel does not have it"
	}
	return err.Error()
}

func (e *Examination) stampCheck() check {
	if e.stampError != nil {
		return check{bad, "time stamps", e.stampError.Error()}
	}
	return check{good, "time stamps", fmt.Sprintf("of the kernel: %s ms before this process reads a packet", text.Milliseconds(e.stampLead))}
}

func (e *Examination) serversCheck() check {
	const name = "name servers"
	var servers []string
	for _, s := range e.servers {
		servers = append(servers, strings.TrimSuffix(s.String(), ":53"))
	}
	detail := strings.Join(servers, ", ")
	switch {
	case e.resolvError == nil:
		return check{good, name, detail}
	case errors.Is(e.resolvError, os.ErrNotExist):
		return check{circumstance, name, "there is no /etc/resolv.conf, which means " + detail}
	}
	return check{bad, name, e.resolvError.Error()}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
