// Package text sets text for terminals: how many columns it takes, where its lines break, what of it prints, and how
// numbers, arrows and colors are written.
//
// It is pure: what the terminal is like is said by a [Style].
package text
