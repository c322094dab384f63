// Package terminal says what the user sees: whether an output is a terminal, how wide it is, which characters it shows, and
// whether it is to have colors.
package terminal
