package tcphdr_test

import (
	"testing"

	"tcpprobe/internal/checksum"
	"tcpprobe/tcphdr"
)

func TestAllocations(t *testing.T) {
	segment := full(0x28, 0xc5)
	h, data, err := tcphdr.Parse(segment)
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 0, 100)
	tests := []struct {
		name string
		run  func() bool
	}{
		{"Parse", func() bool { _, _, err := tcphdr.Parse(segment); return err == nil }},
		{"Parse too short", func() bool { _, _, err := tcphdr.Parse(segment[:19]); return err != nil }},
		{"ParseQuoted", func() bool { _, err := tcphdr.ParseQuoted(segment); return err == nil }},
		{"Verify", func() bool { return tcphdr.Verify(segment, src4, dst4) == checksum.Valid }},
		{"Append", func() bool { _, err := h.Append(buffer, src4, dst4, data); return err == nil }},
		{"Append over IPv6", func() bool { _, err := h.Append(buffer, src6, dst6, data); return err == nil }},
		{"All", func() bool {
			n := 0
			for opt := range h.Options.All() {
				n += len(opt.Data)
			}
			return n == 11
		}},
		{"Malformed", func() bool { _, bad := h.Options.Malformed(); return !bad }},
		{"MSS", func() bool { mss, _ := h.Options.MSS(); return mss == 1460 }},
		{"WindowScale", func() bool { shift, _ := h.Options.WindowScale(); return shift == 7 }},
		{"SACKPermitted", func() bool { return h.Options.SACKPermitted() }},
		{"Timestamps", func() bool { val, ecr, _ := h.Options.Timestamps(); return val == 0x11121314 && ecr == 0x21222324 }},
		{"AppendTimestamps", func() bool { return len(tcphdr.AppendTimestamps(buffer, 1, 2)) == 10 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			right := true
			if n := testing.AllocsPerRun(100, func() { right = tt.run() && right }); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
			if !right {
				t.Error("wrong result")
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	h := fullHeader(0)
	buffer := make([]byte, 0, 100)
	for b.Loop() {
		if _, err := h.Append(buffer, src4, dst4, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	segment := full(0x28, 0xc5)
	for b.Loop() {
		if _, _, err := tcphdr.Parse(segment); err != nil {
			b.Fatal(err)
		}
	}
}
