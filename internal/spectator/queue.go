package spectator

// queue holds attempts in the order of their beginnings, in pieces, so that none is copied as it grows.
type queue struct {
	pieces [][]attempt // of pieceLength attempts each
	first  uint32      // number of the first attempt in the first piece
	head   uint32      // number of the oldest attempt that is held
	tail   uint32      // number after that of the latest
}

const pieceLength = 1024

// length returns how many attempts are held.
func (q *queue) length() int { return int(q.tail - q.head) }

// push appends an attempt with the next number.
func (q *queue) push(number uint32) *attempt {
	if q.length() == 0 {
		q.pieces, q.first, q.head, q.tail = q.pieces[:0], number, number, number
	}
	q.tail = number + 1
	if int(number-q.first) == len(q.pieces)*pieceLength {
		q.pieces = append(q.pieces, make([]attempt, pieceLength))
	}
	a := q.at(number)
	*a = attempt{number: number, syn: unseen, answer: unseen, ack: unseen}
	return a
}

// at returns an attempt; nil if it is no longer held.
func (q *queue) at(number uint32) *attempt {
	if number < q.head || number >= q.tail {
		return nil
	}
	i := number - q.first
	return &q.pieces[i/pieceLength][i%pieceLength]
}

// pop drops the oldest attempt.
func (q *queue) pop() {
	q.head++
	if q.head-q.first == pieceLength {
		q.pieces[0] = nil
		q.pieces = q.pieces[1:]
		q.first = q.head
	}
}
