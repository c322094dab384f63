package target_test

import (
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/target"
)

// TestExpand: an argument or a line may stand for many targets. Each is written so that it can be used again.
func TestExpand(t *testing.T) {
	for text, want := range map[string][]string{
		"a:80,443":                {"a:80", "a:443"},
		"a:https,http":            {"a:443", "a:80"},
		"a:8000-8003":             {"a:8000", "a:8001", "a:8002", "a:8003"},
		"a:8001,8000-8002,8001":   {"a:8001", "a:8000", "a:8002"},
		"a:80,80":                 {"a:80"},
		"a:80-80":                 {"a:80-80"},
		"a:65534-65535,1":         {"a:65534", "a:65535", "a:1"},
		"192.0.2.0/30:80":         {"192.0.2.0:80", "192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"},
		"192.0.2.254/31:80,81":    {"192.0.2.254:80", "192.0.2.254:81", "192.0.2.255:80", "192.0.2.255:81"},
		"192.0.2.7/32:http":       {"192.0.2.7:80"},
		"[2001:db8::/127]:80,443": {"[2001:db8::]:80", "[2001:db8::]:443", "[2001:db8::1]:80", "[2001:db8::1]:443"},
		"[fe80::1%eth0]:80-81":    {"[fe80::1%eth0]:80", "[fe80::1%eth0]:81"},
		"192.0.2.7:80,8080-8081":  {"192.0.2.7:80", "192.0.2.7:8080", "192.0.2.7:8081"},
		"example.com.:http,https": {"example.com.:80", "example.com.:443"},
	} {
		for _, file := range []string{"", "-", writeFile(t, "# a list\n"+text+"\n")} {
			args := []string{text}
			if file != "" {
				args = nil
			}
			l, err := target.Open(t.Context(), args, file, strings.NewReader(text), len(want))
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			length := l.Len()
			var got []string
			for one, ok := l.Next(); ok; one, ok = l.Next() {
				got = append(got, one.Text)
				again, err := target.Parse(one.Text)
				address, literal := netip.ParseAddr(one.Host)
				if err != nil || again.Host != one.Host || again.Port != one.Port || literal == nil && one.Address.IsValid() && one.Address != address {
					t.Errorf("%s: %+v, and written that is %+v (%v)", text, one, again, err)
				}
			}
			if !slices.Equal(got, want) || length != len(want) || l.Remaining() != 0 {
				t.Errorf("%s: %q of %d, %d remain; want %q", text, got, length, l.Remaining(), want)
			}
		}
		if len(want) > 1 {
			if _, err := target.Open(t.Context(), []string{text}, "", nil, len(want)-1); err == nil || !strings.Contains(err.Error(), "raise --max-targets") {
				t.Errorf("%s: %v, want that they are too many", text, err)
			}
		}
	}
}

// TestExpandInPlace: what stands for many is expanded where it stands.
func TestExpandInPlace(t *testing.T) {
	l, err := target.Open(t.Context(), []string{"a:1", "b:1-2"}, "-", strings.NewReader("192.0.2.8/31:80\nc:3"), 6)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drain(l), []string{"a:1", "b:1", "b:2", "192.0.2.8:80", "192.0.2.9:80", "c:3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestExpandWide: a wide prefix with all ports takes no memory, and is refused before it is expanded.
func TestExpandWide(t *testing.T) {
	const wide = "64.0.0.0/2:1-65535"
	for _, all := range []string{"[2001:db8::/64]:80", "[2001:db8::/32]:80", "[2001:db8::/80]:1-65535"} {
		if _, err := target.Open(t.Context(), []string{all}, "", nil, 0); err == nil || !strings.Contains(err.Error(), "more targets in it than can be counted") {
			t.Errorf("%s: %v", all, err)
		}
	}
	for _, most := range []int{65536, 1 << 30} {
		if _, err := target.Open(t.Context(), []string{"a:1", wide}, "", nil, most); err == nil || !strings.Contains(err.Error(), "more") {
			t.Errorf("%d at the most: %v", most, err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l, err := target.Open(t.Context(), []string{"64.0.0.0/8:80"}, "", nil, 0)
	if err != nil || l.Len() != 1<<24 {
		t.Fatalf("%v, want 2^24 targets", err)
	}
	for range 1000 {
		l.Next()
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("%d octets for 1000 of 2^24 targets", took)
	}
	if left := l.Remaining(); left != 1<<24-1000 {
		t.Errorf("%d are left", left)
	}
}

// TestUTF16: a file in another encoding is named as that.
func TestUTF16(t *testing.T) {
	for _, content := range []string{"\xff\xfea\x00:\x008\x000\x00\n\x00", "\xfe\xff\x00a\x00:\x008\x000\x00\n"} {
		_, err := target.Open(t.Context(), nil, "-", strings.NewReader(content), 0)
		if want := "stdin line 1: the file is UTF-16: save it as UTF-8"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
