package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Disk is a file system of its own in memory. It can be full.
type Disk struct {
	tb   testing.TB
	path string
	size int64
}

// Mount mounts a disk of some MiB at a folder, which is made if it is not there. It belongs
// to a user; nil: to the one who runs the test. Only root may mount: else it is an error.
func Mount(tb testing.TB, path string, megabytes int64, owner *syscall.Credential) (*Disk, error) {
	tb.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil { // another user enters it
		return nil, err
	}
	d := &Disk{tb: tb, path: path, size: megabytes << 20}
	options := fmt.Sprintf("size=%d,mode=0700", d.size)
	if owner != nil {
		options += fmt.Sprintf(",uid=%d,gid=%d", owner.Uid, owner.Gid)
	}
	if err := d.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path); err != nil {
		return nil, err
	}
	return d, nil
}

// Unmount removes the disk, even if programs still use it.
func (d *Disk) Unmount() error { return d.run("umount", "--lazy", d.path) }

// Fill takes away all room that is left, as if somebody else's file had it.
func (d *Disk) Fill() (err error) {
	const attempts = 20
	for range attempts { // meanwhile a server may write
		var is syscall.Statfs_t
		if err := syscall.Statfs(d.path, &is); err != nil {
			return err
		}
		used := int64(is.Blocks-is.Bfree) * is.Bsize
		if err = d.resize(used); err == nil {
			return nil
		}
	}
	return err
}

// Free gives the room back.
func (d *Disk) Free() error { return d.resize(d.size) }

// ReadOnly refuses writes from now on. Nobody may have a file open to write.
func (d *Disk) ReadOnly() error { return d.run("mount", "-o", "remount,ro", d.path) }

func (d *Disk) resize(size int64) error {
	return d.run("mount", "-o", fmt.Sprint("remount,size=", size), d.path)
}

func (d *Disk) run(name string, args ...string) error {
	cmd := exec.CommandContext(context.WithoutCancel(d.tb.Context()), name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
