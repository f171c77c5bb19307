//go:build unix

package main

import "syscall"

// apart gives a process a group of its own, which signals of a terminal do not
// reach.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
