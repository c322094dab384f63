package spectator

import (
	"fmt"
	"strconv"
	"strings"

	"tcpprobe/tcphdr"
)

// changes returns what a handshake is otherwise at B than at A.
func changes(a, b *Handshake) (list []Change) {
	add := func(field, atA, atB string) {
		if atA != atB {
			list = append(list, Change{field, atA, atB})
		}
	}
	add("client", a.Client.String(), b.Client.String())
	add("server", a.Server.String(), b.Server.String())
	if a.HasClient && b.HasClient {
		add("client_seq", shift(0), shift(b.ClientISS.Sub(a.ClientISS)))
		add("client_ttl", number(int(a.ClientTTL)), number(int(b.ClientTTL)))
		add("client_window", number(int(a.ClientWindow)), number(int(b.ClientWindow)))
		add("client_ecn", ecnWords(a.ClientFlags), ecnWords(b.ClientFlags))
		list = append(list, optionChanges("client_", a.ClientOptions, b.ClientOptions, a.Result.TCP.SYNSent == b.Result.TCP.SYNSent)...)
	}
	if a.HasServer && b.HasServer {
		add("server_seq", shift(0), shift(b.ServerISS.Sub(a.ServerISS)))
		add("server_ttl", number(int(a.ServerTTL)), number(int(b.ServerTTL)))
		add("server_window", number(int(a.ServerWindow)), number(int(b.ServerWindow)))
		add("server_ecn", ecnWords(a.ServerFlags), ecnWords(b.ServerFlags))
		list = append(list, optionChanges("server_", a.ServerOptions, b.ServerOptions, a.SYNACKs == b.SYNACKs && a.Result.TCP.SYNSent == b.Result.TCP.SYNSent)...)
	}
	return list
}

// optionChanges returns which options differ. Padding counts for nothing, and neither does their order, but that is a change of its
// own. Where they may be those of another transmission, their time stamps tell nothing.
func optionChanges(prefix string, a, b tcphdr.Options, same bool) (list []Change) {
	atA, namesA := optionWords(a, same)
	atB, namesB := optionWords(b, same)
	for _, name := range namesA {
		if value, ok := atB[name]; !ok || value != atA[name] {
			list = append(list, Change{prefix + name, there(name, atA[name]), there(name, value)})
		}
	}
	for _, name := range namesB {
		if _, ok := atA[name]; !ok {
			list = append(list, Change{prefix + name, "", there(name, atB[name])})
		}
	}
	if x, y := strings.Join(namesA, " "), strings.Join(namesB, " "); len(list) == 0 && x != y {
		list = append(list, Change{prefix + "option_order", x, y})
	}
	return list
}

// there writes the value of an option, or that it is there where it has none.
func there(name, value string) string {
	if value == present {
		return name
	}
	return value
}

// present stands for the value of an option without one.
const present = "+"

// optionWords returns the values of options by their names, those of time stamps if they are wanted, and the names in their order.
func optionWords(options tcphdr.Options, stamps bool) (values map[string]string, names []string) {
	values = make(map[string]string)
	for o := range options.All() {
		if o.Kind == tcphdr.NoOperation || o.Kind == tcphdr.EndOfOptions {
			continue
		}
		name, value := o.Kind.String(), present
		if mss, ok := o.MSS(); ok {
			value = number(int(mss))
		} else if scale, ok := o.WindowScale(); ok {
			value = number(int(scale))
		} else if val, ecr, ok := o.Timestamps(); ok && !stamps {
			value = present
		} else if ok {
			value = fmt.Sprintf("%d %d", val, ecr)
		} else if len(o.Data) > 0 {
			value = fmt.Sprintf("%x", o.Data)
		}
		if _, twice := values[name]; !twice {
			names = append(names, name)
		}
		values[name] = value
	}
	return values, names
}

func number(n int) string { return strconv.Itoa(n) }

// shift writes by how much sequence numbers are shifted.
func shift(n int32) string { return fmt.Sprintf("%+d", n) }

// ecnWords names the control bits of ECN that are set.
func ecnWords(f tcphdr.Flags) string {
	if f&ecnBits == 0 {
		return "off"
	}
	return (f & ecnBits).String()
}
