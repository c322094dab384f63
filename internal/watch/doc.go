// Package watch is the live view of targets: a screen that shows them all, one of them, or the path to one, anew whenever
// something has happened.
//
// What stands on the screen is a pure function: [View.Draw] takes what is known of the targets, where the user is, and a [Canvas]
// with its size, and fills that with cells. A terminal is only shown the cells, and tests and pictures are made of the same ones.
// Keys change the View, and what they ask for beyond that is a [Command].
package watch
