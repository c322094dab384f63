package page

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast: every colour of text stands at 4.5 to 1 or more from whatever it may be on (WCAG 2.2 1.4.3), and every colour of a line
// or bar that means something at 3 to 1 from a card (1.4.11), light and dark.
func TestContrast(t *testing.T) {
	css, err := static.ReadFile("static/page.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(css), "prefers-color-scheme: dark")
	if !found {
		t.Fatal("there is no dark scheme")
	}
	colors := regexp.MustCompile(`--([\w-]+): #([0-9a-f]{6});`)
	schemes := map[string]map[string]string{"light": {}, "dark": {}}
	for name, text := range map[string]string{"light": light, "dark": dark} {
		for _, m := range colors.FindAllStringSubmatch(text, -1) {
			schemes[name][m[1]] = m[2]
		}
	}
	for name, color := range schemes {
		for _, over := range []struct {
			least        float64
			fore, behind []string
		}{
			{4.5, []string{"text", "muted", "link", "good", "bad", "out"}, []string{"page", "card", "code"}},
			{4.5, []string{"bad"}, []string{"wash"}},
			{3, []string{"good", "m1", "m2", "m3", "bad", "bar-bad"}, []string{"card"}},
		} {
			for _, fore := range over.fore {
				for _, behind := range over.behind {
					if color[fore] == "" || color[behind] == "" {
						t.Fatalf("%s: no color %s or %s", name, fore, behind)
					}
					if c := contrast(color[fore], color[behind]); c < over.least {
						t.Errorf("%s: %s on %s is %.2f to 1", name, fore, behind, c)
					}
				}
			}
		}
	}
}

// contrast is that of two colors, by WCAG 2.2.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(hex string) (l float64) {
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			panic(fmt.Sprint("no color: ", hex))
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}
