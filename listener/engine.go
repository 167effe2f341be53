package listener

// An engine speaks HTTP on a connection. serve returns when the engine is done
// with it: closed, hijacked, or parked because it has been idle for a while.
//
// While it serves, an engine tells the connection where it stands: begin at the
// first byte of a request, headerDone, bodyDone, finish; and it answers what
// the connection's verdict asks for instead of calling the handler.
type engine interface {
	serve(*conn)
}

// Status codes that the package itself answers with.
const (
	statusBadRequest     = 400
	statusNotFound       = 404
	statusTimeout        = 408
	statusBodyTooLarge   = 413
	statusURITooLong     = 414
	statusHeaderTooLarge = 431
	statusInternalError  = 500
	statusNotImplemented = 501
	statusBadVersion     = 505
)
