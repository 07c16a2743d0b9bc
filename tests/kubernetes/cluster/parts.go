// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// version of Kubernetes, as go.mod of ../kube has it.
const version = "v1.37.2"

// kubernetesParts are the names that the one program is called by.
func kubernetesParts() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl"}
}

// debianPackages have what runs containers, with the library that Debian's runc needs.
func debianPackages() []string {
	return []string{"containerd", "runc", "containernetworking-plugins", "libseccomp2"}
}

// buildFlags leave out optimisation and debug data: that takes a quarter off the time to build.
func buildFlags() []string {
	const variable = "k8s.io/component-base/version."
	number := strings.Split(strings.TrimPrefix(version, "v"), ".")
	return []string{
		"-trimpath", "-buildvcs=false", "-gcflags=all=-N -l -dwarf=false",
		"-ldflags=-s -w -X " + variable + "gitVersion=" + version +
			" -X " + variable + "gitMajor=" + number[0] + " -X " + variable + "gitMinor=" + number[1],
	}
}

// program is one that is built from sources in a folder beside this one.
type program struct {
	folder string
	about  string // what is built
	flags  []string
	names  []string // that it is called by
}

func kubernetesProgram() program {
	return program{"kube", "Kubernetes " + version, buildFlags(), kubernetesParts()}
}

func dnsProgram() program {
	return program{"dns", "CoreDNS", []string{"-trimpath", "-buildvcs=false"}, []string{"coredns"}}
}

// sources is the folder of the program's module: tests run where the sources are.
func (p program) sources() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	folder := filepath.Join(filepath.Dir(file), "..", p.folder)
	if _, err := os.Stat(folder); !ok || err != nil {
		return "", fmt.Errorf("sources of %s: %w", p.about, err)
	}
	return folder, nil
}

// cached is where the program is in the cache.
func (p program) cached() (folder string, err error) {
	source, err := p.sources()
	if err != nil {
		return "", err
	}
	inputs := [][]byte{[]byte(runtime.Version() + runtime.GOARCH + strings.Join(p.flags, " "))}
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		inputs = append(inputs, text)
	}
	return cacheFolder(p.folder, inputs...)
}

// build returns the folder with the program, which it builds first if the cache has it not.
func (p program) build(ctx context.Context, progress io.Writer) (string, error) {
	folder, err := p.cached()
	if err != nil {
		return "", err
	}
	return folder, fillCache(ctx, folder, func(dir string) error {
		fmt.Fprintf(progress, "building %s from source, which takes some minutes\n", p.about)
		source, err := p.sources()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "go", append(append([]string{"build"}, p.flags...), "-o", filepath.Join(dir, p.folder), ".")...)
		cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", p.about, err, out)
		}
		for _, name := range p.names {
			if err := os.Symlink(p.folder, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Kubernetes returns the folder with the programs of Kubernetes, which it builds first if the cache has them not: that takes
// about ten minutes of CPU time.
func Kubernetes(ctx context.Context, progress io.Writer) (string, error) {
	return kubernetesProgram().build(ctx, progress)
}

// Debian returns the folder with the unpacked packages, which it downloads first if the cache has them not.
func Debian(ctx context.Context, progress io.Writer) (string, error) {
	folder, err := cacheFolder("debian", []byte(strings.Join(debianPackages(), " ")+runtime.GOARCH))
	if err != nil {
		return "", err
	}
	return folder, fillCache(ctx, folder, func(dir string) error {
		packages := filepath.Join(dir, "packages")
		if err := os.Mkdir(packages, 0o755); err != nil {
			return err
		}
		fmt.Fprintf(progress, "downloading %s\n", strings.Join(debianPackages(), ", "))
		if err := download(ctx, packages); err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(packages, "*.deb"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if out, err := exec.CommandContext(ctx, "dpkg-deb", "--extract", file, dir).CombinedOutput(); err != nil {
				return fmt.Errorf("unpack %s: %w: %s", file, err, out)
			}
		}
		return os.RemoveAll(packages)
	})
}

// download gets the packages; apt checks their signatures. Without lists of packages, or with old ones, it gets these first.
func download(ctx context.Context, dir string) error {
	apt := func(args ...string) error {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	get := append([]string{"download"}, debianPackages()...)
	if apt(get...) == nil {
		return nil
	}
	if err := apt("update"); err != nil {
		return err
	}
	return apt(get...)
}
