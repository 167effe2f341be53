package config

import "reflect"

// NewListener returns a Listener on address that says nothing else, for
// [Config.WithListener].
func NewListener(address string) Listener {
	l := Listener{Address: address, Enabled: true}
	l.KeepAlive.Enabled = true
	return l
}

// WithListener returns the Config in which l is the listener of that name, in the
// place of one that has it; this Config stays as it is. l is a [NewListener] in
// which some fields were set: a field that is zero is inherited or has its default,
// and a negative number stands for zero. The error is [Errors], as that of
// [Config.With].
func (c *Config) WithListener(name string, l Listener) (*Config, error) {
	doc, e := c.document(), encoder{config: c, sparse: true, negativeIsZero: true}
	n := e.section(keyAt([]string{"listeners", name}), reflect.ValueOf(l), reflect.ValueOf(NewListener("")))
	root := put(schema, doc.root, []string{"listeners", name}, n)
	return resolve(&document{root: root, dir: doc.dir}, &report{})
}
