package link

type fragments struct{}
