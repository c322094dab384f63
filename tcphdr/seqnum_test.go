package tcphdr_test

import (
	"testing"

	"tcpprobe/tcphdr"
)

func TestSeqNumAdd(t *testing.T) {
	tests := []struct {
		s    tcphdr.SeqNum
		n    int
		want tcphdr.SeqNum
	}{
		{0, 1, 1},
		{0xffffffff, 1, 0},
		{0xffffffff, 65536, 65535},
		{0, -1, 0xffffffff},
		{5, -6, 0xffffffff},
	}
	for _, tt := range tests {
		if got := tt.s.Add(tt.n); got != tt.want {
			t.Errorf("%#x.Add(%d) = %#x, want %#x", tt.s, tt.n, got, tt.want)
		}
	}
}

func TestSeqNumOrder(t *testing.T) {
	tests := []struct {
		s, t tcphdr.SeqNum
		sub  int32
	}{
		{0, 0, 0},
		{0, 1, -1},
		{1, 0, 1},
		{0xffffffff, 0, -1},
		{0, 0xffffffff, 1},
		{0xffffffff, 0xffffffff, 0},
		{0xfffffff0, 0x10, -0x20},
		{0, 0x7fffffff, -0x7fffffff},
		{0x7fffffff, 0, 0x7fffffff},
		{0x80000001, 0, -0x7fffffff},
	}
	for _, tt := range tests {
		if got := tt.s.Sub(tt.t); got != tt.sub {
			t.Errorf("%#x.Sub(%#x) = %d, want %d", tt.s, tt.t, got, tt.sub)
		}
		if got, want := tt.s.Less(tt.t), tt.sub < 0; got != want {
			t.Errorf("%#x.Less(%#x) = %v, want %v", tt.s, tt.t, got, want)
		}
		if got, want := tt.s.LessEq(tt.t), tt.sub <= 0; got != want {
			t.Errorf("%#x.LessEq(%#x) = %v, want %v", tt.s, tt.t, got, want)
		}
	}
}

func TestSeqNumInWindow(t *testing.T) {
	tests := []struct {
		s, first tcphdr.SeqNum
		size     int
		want     bool
	}{
		{10, 10, 1, true},
		{11, 10, 1, false},
		{9, 10, 1, false},
		{10, 10, 0, false},
		{10, 10, -1, false},
		{0xffffffff, 0xffffffff, 2, true},
		{0, 0xffffffff, 2, true},
		{1, 0xffffffff, 2, false},
		{0xfffffffe, 0xffffffff, 2, false},
		{0, 1, 1 << 30, false},
		{1 << 30, 1, 1 << 30, true},
		{1<<30 + 1, 1, 1 << 30, false},
	}
	for _, tt := range tests {
		if got := tt.s.InWindow(tt.first, tt.size); got != tt.want {
			t.Errorf("%#x.InWindow(%#x, %d) = %v, want %v", tt.s, tt.first, tt.size, got, tt.want)
		}
	}
}
