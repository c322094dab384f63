//go:build linux

package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tcpprobe/internal/netlab/labtest"
)

// TestLinks follows every link in the browser, and looks at every page on a wide screen and a narrow one, light and dark.
func TestLinks(t *testing.T) {
	a, b := labtest.Pair(t)
	listener, err := b.Listen("tcp", "10.0.0.2:80")
	must(t, err)
	go http.Serve(listener, http.NotFoundHandler())
	e := serve(t, a)
	e.get(t, "/probe?target=10.0.0.2:80")
	e.get(t, "/probe?target=10.0.0.2:81")
	tab := open(t, e, "/")
	seen := map[string]bool{"/metrics": true}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		if seen[path] {
			continue
		}
		seen[path] = true
		if strings.HasSuffix(path, ".pcapng") { // nothing to look at
			e.get(t, path)
			continue
		}
		tab.visit(t, path)
		if strings.HasSuffix(path, ".svg") || strings.HasSuffix(path, ".json") {
			continue
		}
		tab.legible(t, path)
		queue = append(queue, tab.links(t)...)
	}
	if len(seen) < 10 {
		t.Errorf("only %d documents: %v", len(seen), seen)
	}
}

// legible fails the test if a page is not: pictures that do not load, text that is too pale, or contents that are wider than a
// phone.
func (b *tab) legible(t *testing.T, path string) {
	t.Helper()
	for _, width := range []int64{1280, 400} {
		for _, dark := range []bool{false, true} {
			b.look(t, width, dark)
			scheme := map[bool]string{false: "light", true: "dark"}[dark]
			b.shoot(t, fmt.Sprintf("%s-%s-%d", strings.Trim(strings.ReplaceAll(path, "/", "-"), "-"), scheme, width))
			for _, pale := range evaluate[[]string](t, b, paleText) {
				t.Errorf("%s, %s: %s", path, scheme, pale)
			}
			if wide := evaluate[int](t, b, "document.documentElement.scrollWidth"); wide > int(width) {
				t.Errorf("%s is %d pixels wide on a screen of %d", path, wide, width)
			}
		}
	}
	for _, source := range evaluate[[]string](t, b, `(async () => {
		const images = [...document.images];
		images.forEach((image) => { image.loading = "eager"; });
		await Promise.all(images.map((image) => image.decode().catch(() => {})));
		return images.filter((image) => image.naturalWidth === 0).map((image) => image.src);
	})()`) {
		t.Errorf("%s: no picture: %s", path, source)
	}
}

// paleText is the texts whose contrast with what is behind them is less than WCAG 2.2 1.4.3 asks for: 4.5 to 1.
const paleText = `(() => {
	document.querySelectorAll("details").forEach((d) => { d.open = true; });
	const channels = (color) => color.match(/[\d.]+/g).map(Number);
	const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
	const behind = (element) => {
		for (; element; element = element.parentElement) {
			const color = channels(getComputedStyle(element).backgroundColor);
			if (color.length === 3 || color[3] === 1) return color;
		}
		return [255, 255, 255];
	};
	const pale = new Set();
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const element = walker.currentNode.parentElement;
		const text = walker.currentNode.data.trim();
		if (text === "" || element.closest("svg, script") || !element.checkVisibility()) continue;
		const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a);
		const contrast = (a + 0.05) / (b + 0.05);
		if (contrast < 4.5) pale.add(contrast.toFixed(2) + " to 1: " + text.slice(0, 60));
	}
	return [...pale];
})()`
