package procstat

import "errors"

// blocking is not needed where no bound on threads is known.
func blocking() (wait, release, done func(), err error) { return nil, nil, nil, errors.ErrUnsupported }
