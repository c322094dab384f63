package report

import (
	"fmt"
	"strconv"
	"time"
)

// ms writes a duration in milliseconds with three decimals: "11.573".
func ms(d time.Duration) string { return decimals(d, 3) }

// decimals writes a duration in milliseconds with n decimals.
func decimals(d time.Duration, n int) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', n, 64)
}

// seconds writes a duration in seconds, to the millisecond, without zeros at the end: "2.998 s", "1 s".
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

// count writes a number of things: "1 SYN", "2 SYNs".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
