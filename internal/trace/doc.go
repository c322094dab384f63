// Package trace says what the answers to SYNs tell about the path that they take: its hops, what was changed on the way, how
// wide it is, where flows part, and which SYNs it lets pass. It is pure: it says what to send, and what the results mean.
package trace
