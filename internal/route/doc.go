// Package route asks the kernel which way a flow goes: out of which interface, from which source address, to which
// next hop, and with which MTU.
//
// It asks per flow, over rtnetlink(7), and never reads routing tables: policy rules, marks, several next hops and
// cached path MTUs all take part in the kernel's answer. The answer is the one that connect(2) would act on.
package route
