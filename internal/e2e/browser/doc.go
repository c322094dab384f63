// Package browser tests the pages of serve in a real browser, Chromium, which runs on a host of a network that has no way out.
//
// It is a module of its own, so that neither the program nor its other tests know what drives a browser, and it runs the program
// as it is built, so that it has none of what that is made of.
package browser
