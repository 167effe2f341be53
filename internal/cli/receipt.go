package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// notTold is how long a receipt may be open without a deadline: processes that
// are retired one after the other have none yet.
const notTold = 2 * time.Minute

// outcome is what a command that changes something prints with --json: the
// result, or what else there is to say, and the receipt.
type outcome struct {
	result any
	*control.Receipt
}

// MarshalJSON writes the fields of both into one object. Where both have one it
// is the result's, but for the number of the receipt.
func (o outcome) MarshalJSON() ([]byte, error) {
	receipt := o.Receipt
	if receipt == nil { // nothing was changed, or it is not waited for
		receipt = &control.Receipt{Closed: true}
	}
	all := map[string]json.RawMessage{}
	for _, part := range []any{receipt, o.result, map[string]uint64{"id": receipt.ID}} {
		text, err := json.Marshal(part)
		if err == nil {
			err = json.Unmarshal(text, &all)
		}
		if err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(all)
	return b.Bytes(), err
}

// notWaiting adds the flag of commands that have bounds of their own.
func (o *changing) notWaiting(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "return once it is decided")
}

// done waits until what a result has retired has drained, prints what came of it,
// and fails if connections were cut that the plan had not named.
func (c *call) done(ctx context.Context, cl *control.Client, o *changing, r *control.Result) error {
	receipt, err := c.receipt(ctx, cl, o, r.ID)
	if err != nil {
		return err
	}
	return c.conclude(r, receipt, append([]string{r.Message}, onTrial(r)...), r.Warnings...)
}

// conclude prints lines, or doc, with a receipt, nil for none, and with warnings.
func (c *call) conclude(doc any, receipt *control.Receipt, lines []string, warnings ...string) error {
	err := c.print(outcome{doc, receipt}, func(p *page) {
		for _, line := range lines {
			p.line("%s", line)
		}
		if r := receipt; r != nil && r.Drained+r.Cut+r.Moved+r.Open > 0 {
			p.line("%s", r)
		}
		for _, w := range warnings {
			p.line("warning: %s", w)
		}
	})
	if err != nil || receipt == nil || receipt.AsPlanned() {
		return err
	}
	return failed("%s cut that the plan had not named", was(receipt.Cut-receipt.Planned.Cut))
}

func was(n int) string {
	if n == 1 {
		return "1 connection was"
	}
	return words.Count(n, "connection") + " were"
}

// receipt waits until a receipt is closed and returns it; as it is if it is not
// to be waited for, and nil if there is none.
func (c *call) receipt(ctx context.Context, cl *control.Client, o *changing, id uint64) (*control.Receipt, error) {
	if id == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.timeout > 0 && !o.noWait {
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	defer c.clearProgress()
	var last *control.Receipt
	over, late := false, time.Now().Add(notTold)
	err := cl.Watch(ctx, control.WatchOptions{Interval: 100 * time.Millisecond}, func(s *control.Snapshot) {
		if over {
			return
		}
		last = s.Receipt(id)
		if last != nil && last.Until != nil {
			late = time.Now().Add(last.Until.Sub(s.Time) + drainSlack)
		}
		if over = last == nil || last.Closed || o.noWait || time.Now().After(late); over {
			cancel()
			return
		}
		c.progress("%s", last)
	})
	switch {
	case over && (last == nil || last.Closed || o.noWait):
		return last, nil
	case over, errors.Is(err, context.DeadlineExceeded):
		return nil, failed("decided, but not done: %s", last)
	}
	return nil, err
}
