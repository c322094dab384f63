package tcphdr_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/tcphdr"
)

func TestOptionsB80(t *testing.T) {
	nop := tcphdr.Option{Kind: tcphdr.NoOperation}
	eol := tcphdr.Option{Kind: tcphdr.EndOfOptions}
	mss := tcphdr.Option{Kind: tcphdr.MaximumSegmentSize, Data: []byte{0x05, 0xb4}}
	tests := []struct {
		name    string
		options tcphdr.Options
		want    []tcphdr.Option
		at      int // of the malformed option
		bad     bool
	}{
		{"none", nil, nil, 0, false},
		{"end alone", tcphdr.Options{0}, []tcphdr.Option{eol}, 0, false},
		{"octets after the end", tcphdr.Options{1, 0, 2, 4, 5, 180, 99, 0}, []tcphdr.Option{nop, eol}, 0, false},
		{"no end", tcphdr.Options{2, 4, 5, 180}, []tcphdr.Option{mss}, 0, false},
		{"any alignment", tcphdr.Options{1, 2, 4, 5, 180, 1}, []tcphdr.Option{nop, mss, nop}, 0, false},
		{"unknown kind", tcphdr.Options{99, 3, 7, 2, 4, 5, 180},
			[]tcphdr.Option{{Kind: 99, Data: []byte{7}}, mss}, 0, false},
		{"unknown kind without data", tcphdr.Options{99, 2, 1},
			[]tcphdr.Option{{Kind: 99, Data: []byte{}}, nop}, 0, false},
		{"known kind of unusual length", tcphdr.Options{2, 3, 5, 1},
			[]tcphdr.Option{{Kind: 2, Data: []byte{5}}, nop}, 0, false},
		{"the same kind twice", tcphdr.Options{2, 4, 5, 180, 2, 4, 5, 180}, []tcphdr.Option{mss, mss}, 0, false},
		{"the longest option", append(tcphdr.Options{254, 40}, make([]byte, 38)...),
			[]tcphdr.Option{{Kind: 254, Data: make([]byte, 38)}}, 0, false},

		{"length 0", tcphdr.Options{2, 4, 5, 180, 99, 0, 1, 1}, []tcphdr.Option{mss}, 4, true},
		{"length 1", tcphdr.Options{2, 4, 5, 180, 99, 1, 1, 1}, []tcphdr.Option{mss}, 4, true},
		{"length beyond the options", tcphdr.Options{2, 4, 5, 180, 99, 5, 1, 1}, []tcphdr.Option{mss}, 4, true},
		{"length 255", tcphdr.Options{1, 99, 255, 1}, []tcphdr.Option{nop}, 1, true},
		{"no length", tcphdr.Options{1, 1, 1, 2}, []tcphdr.Option{nop, nop, nop}, 3, true},
		{"the first", tcphdr.Options{8, 10, 1, 2}, nil, 0, true},
	}
	for _, tt := range tests {
		t.Run("B-80 "+tt.name, func(t *testing.T) {
			got := slices.Collect(tt.options.All())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("All (-want +got):\n%s", diff)
			}
			if at, bad := tt.options.Malformed(); at != tt.at || bad != tt.bad {
				t.Errorf("Malformed = %d, %v, want %d, %v", at, bad, tt.at, tt.bad)
			}
		})
	}
}

func TestOptionsB80SegmentSurvives(t *testing.T) {
	segment := edited(goldens[2].octets, 27, 77) // the length of the timestamps
	h, data, err := tcphdr.Parse(segment)
	if err != nil {
		t.Fatal(err)
	}
	if at, bad := h.Options.Malformed(); at != 6 || !bad {
		t.Errorf("Malformed = %d, %v, want 6, true", at, bad)
	}
	if mss, ok := h.Options.MSS(); mss != 1460 || !ok {
		t.Errorf("MSS = %d, %v, want 1460, true", mss, ok)
	}
	if !h.Options.SACKPermitted() {
		t.Error("SACKPermitted = false")
	}
	if _, _, ok := h.Options.Timestamps(); ok {
		t.Error("Timestamps of the malformed option")
	}
	if _, ok := h.Options.WindowScale(); ok {
		t.Error("WindowScale from behind the malformed option")
	}
	equal(t, "data", data, []byte("hello"))
}

func TestOptionsAllStops(t *testing.T) {
	var kinds []tcphdr.OptionKind
	for opt := range fullHeader(0).Options.All() {
		kinds = append(kinds, opt.Kind)
		if opt.Kind == tcphdr.Timestamps {
			break
		}
	}
	want := []tcphdr.OptionKind{tcphdr.MaximumSegmentSize, tcphdr.SACKPermitted, tcphdr.Timestamps}
	if !slices.Equal(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
}

func TestFind(t *testing.T) {
	o := tcphdr.Options{1, 34, 2, 99, 3, 7, 99, 3, 8, 0, 5, 2}
	tests := []struct {
		kind tcphdr.OptionKind
		data []byte
		ok   bool
	}{
		{tcphdr.NoOperation, nil, true},
		{tcphdr.FastOpen, []byte{}, true},
		{99, []byte{7}, true}, // the first of two
		{tcphdr.EndOfOptions, nil, true},
		{tcphdr.SACK, nil, false}, // after the end
		{tcphdr.MPTCP, nil, false},
	}
	for _, tt := range tests {
		data, ok := o.Find(tt.kind)
		if !slices.Equal(data, tt.data) || ok != tt.ok {
			t.Errorf("Find(%v) = % x, %v, want % x, %v", tt.kind, data, ok, tt.data, tt.ok)
		}
	}
}

func TestMSS(t *testing.T) {
	tests := []struct {
		name    string
		options tcphdr.Options
		mss     uint16
		ok      bool
	}{
		{"B-82", tcphdr.Options{2, 4, 0x12, 0x34}, 0x1234, true},
		{"B-82 zero is reported", tcphdr.Options{2, 4, 0, 0}, 0, true},
		{"B-82 absent", tcphdr.Options{1}, 0, false},
		{"B-82 length 3", tcphdr.Options{2, 3, 0x12, 1}, 0, false},
		{"B-82 length 5", tcphdr.Options{2, 5, 0x12, 0x34, 0x56}, 0, false},
		{"B-82 length 2", tcphdr.Options{2, 2, 0x12, 0x34}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if mss, ok := tt.options.MSS(); mss != tt.mss || ok != tt.ok {
				t.Errorf("%#x, %v, want %#x, %v", mss, ok, tt.mss, tt.ok)
			}
		})
	}
}

func TestWindowScale(t *testing.T) {
	tests := []struct {
		name    string
		options tcphdr.Options
		shift   uint8
		ok      bool
	}{
		{"B-83", tcphdr.Options{3, 3, 7}, 7, true},
		{"B-83 zero", tcphdr.Options{3, 3, 0}, 0, true},
		{"B-83 above 14 is reported", tcphdr.Options{3, 3, 15}, 15, true},
		{"B-83 absent", nil, 0, false},
		{"B-83 length 2", tcphdr.Options{3, 2, 7}, 0, false},
		{"B-83 length 4", tcphdr.Options{3, 4, 7, 8}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if shift, ok := tt.options.WindowScale(); shift != tt.shift || ok != tt.ok {
				t.Errorf("%d, %v, want %d, %v", shift, ok, tt.shift, tt.ok)
			}
		})
	}
}

func TestTimestamps(t *testing.T) {
	tests := []struct {
		name     string
		options  tcphdr.Options
		val, ecr uint32
		ok       bool
	}{
		{"B-84", tcphdr.Options{8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, 0x01020304, 0x05060708, true},
		{"B-84 absent", tcphdr.Options{1, 1}, 0, 0, false},
		{"B-84 length 9", tcphdr.Options{8, 9, 1, 2, 3, 4, 5, 6, 7}, 0, 0, false},
		{"B-84 length 11", tcphdr.Options{8, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			val, ecr, ok := tt.options.Timestamps()
			if val != tt.val || ecr != tt.ecr || ok != tt.ok {
				t.Errorf("%#x, %#x, %v, want %#x, %#x, %v", val, ecr, ok, tt.val, tt.ecr, tt.ok)
			}
		})
	}
}

func TestSACKPermitted(t *testing.T) {
	tests := []struct {
		name    string
		options tcphdr.Options
		want    bool
	}{
		{"B-85", tcphdr.Options{4, 2}, true},
		{"B-85 absent", tcphdr.Options{5, 2}, false},
		{"B-85 length 3", tcphdr.Options{4, 3, 0}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.options.SACKPermitted(); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestAppendOptions(t *testing.T) {
	var o tcphdr.Options
	o = tcphdr.AppendMSS(o, 0x05b4)
	o = tcphdr.AppendSACKPermitted(o)
	o = tcphdr.AppendTimestamps(o, 0x11121314, 0x21222324)
	o = tcphdr.AppendNoOperation(o)
	o = tcphdr.AppendWindowScale(o, 7)
	equal(t, "options", o, fullHeader(0).Options)
}

func TestOptionKindString(t *testing.T) {
	for kind, want := range map[tcphdr.OptionKind]string{
		tcphdr.EndOfOptions:       "eol",
		tcphdr.NoOperation:        "nop",
		tcphdr.MaximumSegmentSize: "mss",
		tcphdr.WindowScale:        "ws",
		tcphdr.SACKPermitted:      "sackok",
		tcphdr.SACK:               "sack",
		tcphdr.Timestamps:         "ts",
		tcphdr.MD5:                "md5",
		tcphdr.UserTimeout:        "uto",
		tcphdr.TCPAuth:            "ao",
		tcphdr.MPTCP:              "mptcp",
		tcphdr.FastOpen:           "tfo",
		tcphdr.AccECN0:            "accecn",
		tcphdr.AccECN1:            "accecn",
		tcphdr.Experiment1:        "exp",
		tcphdr.Experiment2:        "exp",
		99:                        "kind-99",
	} {
		if got := kind.String(); got != want {
			t.Errorf("OptionKind(%d).String() = %q, want %q", uint8(kind), got, want)
		}
	}
}

// TestSACK: the blocks of a selective acknowledgment, and what is none.
func TestSACK(t *testing.T) {
	blocks, ok := tcphdr.Option{Kind: tcphdr.SACK, Data: []byte{0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 3}}.SACK()
	if want := []tcphdr.Block{{Left: 1, Right: 2}, {Left: 0xffffffff, Right: 3}}; !ok || !slices.Equal(blocks, want) {
		t.Errorf("%v, %t, want %v", blocks, ok, want)
	}
	for _, o := range []tcphdr.Option{
		{Kind: tcphdr.SACK}, {Kind: tcphdr.SACK, Data: make([]byte, 9)}, {Kind: tcphdr.MD5, Data: make([]byte, 16)},
	} {
		if blocks, ok := o.SACK(); ok {
			t.Errorf("%v: %v", o, blocks)
		}
	}
}
