// Package page renders the web page of serve: all targets, one target, one handshake.
//
// A page is a pure function of what is known and of the time that it is asked at: octets of HTML, which need nothing but the
// style sheet and the script of this package. It works without the script, which only keeps it up to date. Whatever was
// received or typed by someone passes through html/template, which escapes it for the place where it stands; nothing in this
// package is ever declared to be HTML.
package page
