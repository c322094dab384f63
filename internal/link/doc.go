// Package link finds the IP datagrams in the frames of captures: behind the headers of the link layer, whatever their depth,
// and where that is wanted inside tunnels.
//
// A Decoder looks at one frame after the other. It keeps of earlier ones only the beginnings of fragments in which a TCP header
// is not whole, and no more of those than it has room for.
package link
