// Package labtest is package netlab for tests: it gets the privileges, builds the networks most tests want, starts real servers
// in them, and captures and decodes what flew with tools that share no code with this module.
package labtest
