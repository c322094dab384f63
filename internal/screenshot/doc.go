// Screenshot draws a screen of the live view as a picture: an SVG made from a recording, without a terminal. It is the program behind
// scripts/screenshot, which makes the picture of the README.
package main
