// Package capfile reads capture files: pcap (draft-ietf-opsawg-pcap), pcapng (draft-ietf-opsawg-pcapng), and either of
// them compressed by gzip.
//
// A Reader takes an io.Reader from its beginning to its end, and delivers a packet as soon as its last octet is there, so
// that a capture can be followed while it is being written. It copies no packet and allocates nothing for one.
//
// What a file says is believed as far as it can be. A file that is cut off, or that goes wrong somewhere, gives every packet
// before that place, and then an error that says where: a *TruncatedError or a *CorruptError.
package capfile
