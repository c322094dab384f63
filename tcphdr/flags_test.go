package tcphdr_test

import (
	"testing"

	"tcpprobe/tcphdr"
)

func TestFlags(t *testing.T) {
	tests := []struct {
		octets uint16 // the low 9 bits of octets 12 and 13 of the header
		name   string
		bits   string
	}{
		{0x000, "none", "000000"},
		{0x001, "FIN", "000001"},
		{0x002, "SYN", "000010"},
		{0x004, "RST", "000100"},
		{0x008, "PSH", "001000"},
		{0x010, "ACK", "010000"},
		{0x020, "URG", "100000"},
		{0x040, "ECE", "000000"},
		{0x080, "CWR", "000000"},
		{0x100, "AE", "000000"},
		{0x012, "SYN,ACK", "010010"},
		{0x011, "FIN,ACK", "010001"},
		{0x014, "RST,ACK", "010100"},
		{0x018, "PSH,ACK", "011000"},
		{0x0c2, "SYN,ECE,CWR", "000010"},
		{0x1ff, "SYN,FIN,RST,PSH,ACK,URG,ECE,CWR,AE", "111111"},
	}
	for _, tt := range tests {
		f := tcphdr.Flags(tt.octets)
		if got := f.String(); got != tt.name {
			t.Errorf("Flags(%#03x).String() = %q, want %q", tt.octets, got, tt.name)
		}
		if got := f.Bits(); got != tt.bits {
			t.Errorf("Flags(%#03x).Bits() = %q, want %q", tt.octets, got, tt.bits)
		}
	}
}

func TestFlagsHas(t *testing.T) {
	tests := []struct {
		f, all tcphdr.Flags
		want   bool
	}{
		{tcphdr.SYN | tcphdr.ACK, tcphdr.SYN, true},
		{tcphdr.SYN | tcphdr.ACK, tcphdr.SYN | tcphdr.ACK, true},
		{tcphdr.SYN, tcphdr.SYN | tcphdr.ACK, false},
		{tcphdr.FIN | tcphdr.RST, tcphdr.SYN, false},
		{0, 0, true},
	}
	for _, tt := range tests {
		if got := tt.f.Has(tt.all); got != tt.want {
			t.Errorf("(%v).Has(%v) = %v, want %v", tt.f, tt.all, got, tt.want)
		}
	}
}
