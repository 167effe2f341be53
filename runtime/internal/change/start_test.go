package change

import "testing"

// Whatever commits has the turn: the ledger and the state directory are for one at a time.
func TestTheStartIsATurn(t *testing.T) {
	e, _ := engine(t)
	reached := 0
	e.at = func(string) {
		e.queue.mu.Lock()
		defer e.queue.mu.Unlock()
		if reached++; e.queue.present == nil {
			t.Error("it is nobody's turn")
		}
	}
	first := &Start{}
	if err := e.Read(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context(), first); err != nil || reached == 0 {
		t.Errorf("got %v after %d steps", err, reached)
	}
}
