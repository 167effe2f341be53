package config

type document struct{}
