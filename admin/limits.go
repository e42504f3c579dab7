package admin

import (
	"errors"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// Limits are the resources that a container may use, as the kernel enforces them. Zero: no limit, or not known.
type Limits struct {
	CPU    float64 // processors, such as 1.5
	Memory int64   // bytes
}

// Where Linux shows control groups, below the root.
const (
	cgroupMount = "sys/fs/cgroup"
	cgroupSelf  = "proc/self/cgroup"
)

// unlimited1 is the least number that means no limit on memory in a version 1 group: its largest number, rounded down
// to pages of up to 64 KiB.
const unlimited1 = math.MaxInt64 &^ (1<<16 - 1)

// ReadLimits returns the limits of the process's control group and of the groups above it that it can see, whichever
// are lower. fsys is the machine's file system, os.DirFS("/"). Without control groups, as on systems other than Linux,
// it returns no limits and fs.ErrNotExist.
func ReadLimits(fsys fs.FS) (Limits, error) {
	text, err := fs.ReadFile(fsys, cgroupSelf)
	if err != nil {
		return Limits{}, err
	}
	var l Limits
	for line := range strings.Lines(string(text)) {
		// hierarchy-ID:controllers:path (cgroups(7)); version 2 has the ID 0 and no controllers.
		id, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		group = strings.TrimPrefix(path.Clean("/"+group), "/")
		if id == "0" && controllers == "" {
			l.version2(fsys, group)
			continue
		}
		for controller := range strings.SplitSeq(controllers, ",") {
			l.version1(fsys, controller, group)
		}
	}
	return l, nil
}

// version2 applies the limits of a group and of those above it. Within a container the group's path may be the host's,
// which does not exist there; the group is then the root of the mount.
func (l *Limits) version2(fsys fs.FS, group string) {
	for dir := range upwards(group) {
		at := path.Join(cgroupMount, dir)
		if quota, period, ok := strings.Cut(read(fsys, at, "cpu.max"), " "); ok && quota != "max" {
			l.cpu(quota, period)
		}
		if bytes := read(fsys, at, "memory.max"); bytes != "max" {
			l.memory(bytes)
		}
	}
}

func (l *Limits) version1(fsys fs.FS, controller, group string) {
	for dir := range upwards(group) {
		switch controller {
		case "cpu":
			at := path.Join(cgroupMount, "cpu", dir)
			l.cpu(read(fsys, at, "cpu.cfs_quota_us"), read(fsys, at, "cpu.cfs_period_us"))
		case "memory":
			l.memory(read(fsys, path.Join(cgroupMount, "memory", dir), "memory.limit_in_bytes"))
		}
	}
}

// cpu applies a quota of microseconds per period; a negative quota, in version 1, means none.
func (l *Limits) cpu(quota, period string) {
	q, err := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if errors.Join(err, err2) != nil || q <= 0 || p <= 0 {
		return
	}
	if cpus := q / p; l.CPU == 0 || cpus < l.CPU {
		l.CPU = cpus
	}
}

func (l *Limits) memory(text string) {
	bytes, err := strconv.ParseInt(text, 10, 64)
	if err != nil || bytes <= 0 || bytes >= unlimited1 {
		return
	}
	if l.Memory == 0 || bytes < l.Memory {
		l.Memory = bytes
	}
}

// upwards ranges over a directory, those above it, and ".".
func upwards(dir string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for at := path.Clean(dir); ; at = path.Dir(at) {
			if !yield(at) || at == "." {
				return
			}
		}
	}
}

// read returns a file's text without the line break at its end, "" if there is no file.
func read(fsys fs.FS, dir, name string) string {
	text, err := fs.ReadFile(fsys, path.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
