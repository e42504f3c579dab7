package breaking

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// repository is the git repository that the working directory belongs to. It is read with the git command, and neither
// the work tree nor the index is touched.
type repository struct {
	top string // the root of the work tree, without symbolic links
}

// git runs the git command in dir and returns what it printed. The error says what git said.
func git(ctx context.Context, dir string, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // the arguments are ours, refs come behind an option
	cmd.Dir = dir
	cmd.Stdin = stdin
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("the git command is not installed")
		}
		if said := strings.TrimSpace(errs.String()); said != "" {
			return nil, errors.New(strings.TrimPrefix(said, "fatal: "))
		}
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}

// openRepository returns the repository that dir belongs to.
func openRepository(ctx context.Context, dir string) (*repository, error) {
	top, err := git(ctx, dir, nil, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	return &repository{top: filepath.FromSlash(strings.TrimRight(string(top), "\r\n"))}, nil
}

// resolve returns the commit that ref names. With three dots behind it, as git diff has them, it is the last one that
// ref and the working directory's commit have in common.
func (r *repository) resolve(ctx context.Context, ref string) (string, error) {
	if branch, ok := strings.CutSuffix(ref, "..."); ok {
		tip, err := r.resolve(ctx, branch)
		if err != nil {
			return "", err
		}
		base, err := git(ctx, r.top, nil, "merge-base", tip, "HEAD")
		if err != nil {
			return "", fmt.Errorf("%s and HEAD have no commit in common", branch)
		}
		return strings.TrimSpace(string(base)), nil
	}
	commit, err := git(ctx, r.top, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err == nil {
		return strings.TrimSpace(string(commit)), nil
	}
	text := fmt.Sprintf("git has no commit %q", ref)
	if _, err := git(ctx, r.top, nil, "rev-parse", "--verify", "--quiet", "--end-of-options",
		"origin/"+ref+"^{commit}"); err == nil {
		return "", fmt.Errorf("%s, but it has origin/%s", text, ref)
	}
	if shallow, err := git(ctx, r.top, nil, "rev-parse", "--is-shallow-repository"); err == nil &&
		strings.TrimSpace(string(shallow)) == "true" {
		return "", fmt.Errorf("%s; this clone is shallow: fetch more of it (with actions/checkout: fetch-depth: 0)", text)
	}
	return "", errors.New(text)
}

// inside returns path relative to the root of the work tree, and false when it lies outside.
func (r *repository) inside(path string) (string, bool) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(r.top, physical(abs))
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return rel, true
}

// physical returns path without symbolic links, as far as it exists.
func physical(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	dir := filepath.Dir(path)
	if dir == path {
		return path
	}
	return filepath.Join(physical(dir), filepath.Base(path))
}

// treeEntry is a file of a commit.
type treeEntry struct {
	mode, object, name string
}

// Modes of files in git's trees; see git-ls-tree(1) and git-fast-import(1).
const (
	modeSymlink = "120000"
	modeCommit  = "160000" // a submodule
)

// extract writes the contracts of a commit below dir: .proto files, and the go.mod files that say where import roots
// are. Symbolic links within the tree are kept as such, since a directory of contracts may be one.
func (r *repository) extract(ctx context.Context, commit, dir string) error {
	list, err := git(ctx, r.top, nil, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return err
	}
	var entries []treeEntry
	for record := range strings.SplitSeq(string(list), "\x00") {
		meta, name, ok := strings.Cut(record, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 || fields[0] == modeCommit || !filepath.IsLocal(filepath.FromSlash(name)) {
			continue
		}
		if path.Ext(name) == ".proto" || path.Base(name) == "go.mod" || fields[0] == modeSymlink {
			entries = append(entries, treeEntry{fields[0], fields[2], name})
		}
	}
	var objects strings.Builder
	for _, e := range entries {
		objects.WriteString(e.object + "\n")
	}
	contents, err := git(ctx, r.top, strings.NewReader(objects.String()), "cat-file", "--batch")
	if err != nil {
		return err
	}
	// Links come last: no file can be written through one then.
	slices.SortStableFunc(entries, func(a, b treeEntry) int { return strings.Compare(a.mode, b.mode) })
	blobs, err := readBatch(contents)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := e.write(dir, blobs[e.object]); err != nil {
			return err
		}
	}
	return nil
}

// readBatch reads what git cat-file --batch prints: for each object a line "name type size", the content, a line feed.
func readBatch(output []byte) (map[string][]byte, error) {
	blobs := make(map[string][]byte)
	r := bufio.NewReader(bytes.NewReader(output))
	for {
		head, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return blobs, nil
		}
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(head)
		if len(fields) != 3 {
			return nil, fmt.Errorf("git cat-file: %s", strings.TrimSpace(head))
		}
		size, err := strconv.Atoi(fields[2])
		if err != nil || size < 0 || size > len(output) {
			return nil, fmt.Errorf("git cat-file: %s", strings.TrimSpace(head))
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(r, content); err != nil {
			return nil, fmt.Errorf("git cat-file: %w", err)
		}
		if _, err := r.Discard(1); err != nil {
			return nil, fmt.Errorf("git cat-file: %w", err)
		}
		blobs[fields[0]] = content
	}
}

func (e treeEntry) write(dir string, content []byte) error {
	name := filepath.FromSlash(e.name)
	target := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	if e.mode != modeSymlink {
		return os.WriteFile(target, content, 0o600)
	}
	to := filepath.FromSlash(string(content))
	if filepath.IsAbs(to) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), to)) {
		return nil // it leads out of the repository, where the commit says nothing
	}
	return os.Symlink(to, target)
}
