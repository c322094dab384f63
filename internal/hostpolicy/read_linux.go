package hostpolicy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Read asks the kernel, in the network namespace of the calling thread. It takes CAP_NET_ADMIN. The error says what is not
// known, which without that capability is nearly everything; the Policy has the rest.
func Read() (Policy, error) {
	var p Policy
	return p, errors.Join(p.readNFTables(), p.readIPTables(), p.readXFRM())
}

// sizeofNfgenmsg is the length of a struct nfgenmsg (linux/netfilter/nfnetlink.h): family, version, resource.
const sizeofNfgenmsg = 4

// readNFTables asks for all chains of nftables, among which are those of iptables-nft.
func (p *Policy) readNFTables() error {
	replies, err := ask(unix.NETLINK_NETFILTER, netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETCHAIN, Flags: netlink.Request | netlink.Dump},
		Data:   make([]byte, sizeofNfgenmsg), // of every family
	})
	if err != nil {
		return fmt.Errorf("chains of nftables: %w", err)
	}
	for _, reply := range replies {
		if len(reply.Data) < sizeofNfgenmsg {
			continue
		}
		c := chain{family: reply.Data[0], policy: policyAccept}
		d, err := netlink.NewAttributeDecoder(reply.Data[sizeofNfgenmsg:])
		if err != nil {
			return fmt.Errorf("chains of nftables: %w", err)
		}
		d.ByteOrder = binary.BigEndian
		for d.Next() {
			switch d.Type() {
			case unix.NFTA_CHAIN_HOOK:
				c.isBase = true
				d.Nested(func(hook *netlink.AttributeDecoder) error {
					hook.ByteOrder = binary.BigEndian
					for hook.Next() {
						if hook.Type() == unix.NFTA_HOOK_HOOKNUM {
							c.hook = hook.Uint32()
						}
					}
					return nil
				})
			case unix.NFTA_CHAIN_POLICY:
				c.policy = d.Uint32()
			case unix.NFTA_CHAIN_USE:
				c.uses = d.Uint32()
			case unix.NFTA_CHAIN_TYPE:
				c.kind = d.String()
			}
		}
		if err := d.Err(); err != nil {
			return fmt.Errorf("chains of nftables: %w", err)
		}
		if word := c.word(); word != "" {
			p.add(word)
		}
	}
	return nil
}

// readIPTables reads which tables of the older iptables are in use. Their chains are not to be seen there: a table comes into
// being with the first command about it.
func (p *Policy) readIPTables() error {
	for _, name := range []string{"ip_tables_names", "ip6_tables_names"} {
		text, err := os.ReadFile("/proc/thread-self/net/" + name)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // which is a kernel without iptables
			return fmt.Errorf("tables of iptables: %w", err)
		}
		for _, table := range tableNames(string(text)) {
			p.add(table)
		}
	}
	return nil
}

// readXFRM asks whether there are IPsec policies. A 32-bit process is told nothing by a kernel of 64 bits that was built without
// CONFIG_XFRM_USER_COMPAT: EOPNOTSUPP.
func (p *Policy) readXFRM() error {
	const (
		xfrmMsgGetSPDInfo = 0x25 // of linux/xfrm.h, as is the attribute
		xfrmaSPDInfo      = 1
		flags             = 4 // octets in front of the attributes
	)
	replies, err := ask(unix.NETLINK_XFRM, netlink.Message{
		Header: netlink.Header{Type: xfrmMsgGetSPDInfo, Flags: netlink.Request},
		Data:   make([]byte, flags),
	})
	if err != nil {
		return fmt.Errorf("policies of IPsec: %w", err)
	}
	for _, reply := range replies {
		if len(reply.Data) < flags {
			continue
		}
		d, err := netlink.NewAttributeDecoder(reply.Data[flags:])
		if err != nil {
			return fmt.Errorf("policies of IPsec: %w", err)
		}
		for d.Next() {
			if d.Type() == xfrmaSPDInfo {
				p.IPsec = p.IPsec || policies(d.Bytes())
			}
		}
		if err := d.Err(); err != nil {
			return fmt.Errorf("policies of IPsec: %w", err)
		}
	}
	return nil
}

// ask sends one request over netlink, and returns the replies. A kernel that has nobody to ask has no reply.
func ask(family int, request netlink.Message) ([]netlink.Message, error) {
	conn, err := netlink.Dial(family, nil)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, nil
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "netlink", Err: err}
	}
	defer conn.Close()
	replies, err := conn.Execute(request)
	notLoaded := family == unix.NETLINK_NETFILTER && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL))
	if notLoaded {
		return nil, nil
	}
	if err != nil {
		return nil, &net.OpError{Op: "ask", Net: "netlink", Err: err}
	}
	return replies, nil
}
