package text

import (
	"fmt"
	"strconv"
	"time"
)

// Milliseconds writes a duration in milliseconds with three decimals: "11.573".
func Milliseconds(d time.Duration) string { return Decimals(d, 3) }

// AppendMilliseconds appends what Milliseconds writes.
func AppendMilliseconds(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

// Decimals writes a duration in milliseconds with n decimals.
func Decimals(d time.Duration, n int) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', n, 64)
}

// Seconds writes a duration in seconds, to the millisecond, without zeros at the end: "2.998 s", "1 s".
func Seconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Round(time.Millisecond).Milliseconds())/1000, 'f', -1, 64) + " s"
}

// Count writes a number of things: "1 SYN", "2 SYNs".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
