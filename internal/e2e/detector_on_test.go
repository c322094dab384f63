//go:build race

package e2e_test

// raceDetector reports whether the race detector is in the program, whose memory it multiplies.
const raceDetector = true
