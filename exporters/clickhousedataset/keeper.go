// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// keeper stores each insertion exactly once, whatever dies in between.
//
// The unit is the item of the sending queue. The same item always becomes the same rows (see pivot): one block for each
// table and day, which is one insert and one part, written whole or not at all. Its token is made of what the rows say
// (see token). The server remembers the tokens of the last inserts of a table on disk, so an attempt whose outcome is
// unknown, because the connection, the server or the collector died, is simply made again, under the same token: if the
// rows are there, it is acknowledged without being written. A queue on disk (sending_queue::storage) keeps the item
// until then.
//
// A server that is killed in the moment between writing the part and writing the token leaves one without the other.
// Both are found out by the column batch, in which all rows carry the number of their insert:
//   - The token without the part: the server takes the next attempt for a duplicate. So a duplicate is believed only
//     if its rows are there; if not, they are inserted under another token.
//   - The part without the token: the next attempt would store the rows again. So after an attempt without an answer,
//     the next begins by looking for the rows.
//
// That the unit is the item is also why the queue must not put items together (sending_queue::batch) if it is on disk:
// after a crash of the collector they would be put together differently, no token would match, and what had been stored
// would be stored again. Inserts are made large before the queue, by the batch processor.
type keeper struct {
	mu sync.Mutex
	// unanswered counts the attempts without an answer, by token.
	unanswered map[string]int
}

const (
	// maxUnanswered bounds what is remembered of items that were given up in the end.
	maxUnanswered = 10_000
	// An insert that another attempt is about to finish becomes visible within this time.
	lookInterval = 100 * time.Millisecond
	looks        = 3
)

// insertable is what the keeper stores: rows for one part of a table, with what they are recognised by.
type insertable interface {
	// insert stores the rows under a token, which is the first one or made of it; duplicate tells that the server has
	// not, because it has stored that token before.
	insert(ctx context.Context, token string) (duplicate bool, err error)
	// stored returns how many of the rows are in the table.
	stored(ctx context.Context) (int, error)
	rows() int
	firstToken() string
}

// store returns once the rows are in the table. If it can't tell, it returns an error, and the next call goes on.
func (k *keeper) store(ctx context.Context, i insertable) error {
	token := i.firstToken()
	attempts := k.attempts(token)
	if attempts > 0 {
		if n, err := i.stored(ctx); err != nil {
			return fmt.Errorf("look for rows of an insert without an answer: %w", err)
		} else if n == i.rows() {
			k.answered(token)
			return nil
		}
	}
	duplicate, err := k.attempt(ctx, i, token)
	if err == nil && duplicate {
		err = k.verify(ctx, i, attempts)
	}
	if err == nil {
		k.answered(token)
	}
	return err
}

// attempt inserts the rows. An error of the server is an answer too: it has not stored them.
func (k *keeper) attempt(ctx context.Context, i insertable, token string) (duplicate bool, err error) {
	duplicate, err = i.insert(ctx, token)
	if err != nil && code(err) == 0 {
		k.unknown(i.firstToken())
	}
	return duplicate, err
}

// verify inserts the rows of a duplicate if it has none.
func (k *keeper) verify(ctx context.Context, i insertable, attempts int) error {
	for look := range looks {
		if look > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(lookInterval):
			}
		}
		if n, err := i.stored(ctx); err != nil {
			return fmt.Errorf("look for the rows of a duplicate: %w", err)
		} else if n > 0 {
			return nil
		}
	}
	duplicate, err := k.attempt(ctx, i, fmt.Sprintf("%s-%d", i.firstToken(), attempts))
	if err == nil && duplicate {
		k.unknown(i.firstToken()) // the next attempt has another token
		return fmt.Errorf("the server takes the rows for duplicates, but has none of them")
	}
	return err
}

func (k *keeper) attempts(token string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.unanswered[token]
}

func (k *keeper) unknown(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unanswered == nil || len(k.unanswered) >= maxUnanswered {
		k.unanswered = map[string]int{}
	}
	k.unanswered[token]++
}

func (k *keeper) answered(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.unanswered, token)
}
