// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// apiSettings say where an API server and its etcd listen.
type apiSettings struct {
	programs string // folder of Kubernetes' programs
	folder   string // for data, keys and logs
	// etcd, its peers and the API server listen here.
	etcd, peers string
	bind        string
	port        int
	hosts       []string // what the API server is reached by, the first is in its URL
	extra       []string // more arguments of the API server
}

func (s *apiSettings) url() string { return fmt.Sprintf("https://%s:%d", s.hosts[0], s.port) }

// api is a running API server.
type api struct {
	*authority
	client    *http.Client
	url       string
	processes []*Process
}

// startAPI starts etcd and the API server and waits until it is ready. What has started is in the result even when it fails.
func startAPI(ctx context.Context, keys *authority, s apiSettings) (*api, error) {
	a := &api{authority: keys, url: s.url()}
	if err := a.issue("apiserver", "kube-apiserver", nil, s.hosts...); err != nil {
		return a, err
	}
	if err := a.kubeconfig("admin", s.url(), "admin", "system:masters"); err != nil {
		return a, err
	}
	var err error
	if a.client, err = a.newClient(); err != nil {
		return a, err
	}
	etcd, err := start(s.folder, nil, filepath.Join(s.programs, "etcd"), "--data-dir", filepath.Join(s.folder, "etcd"),
		"--unsafe-no-fsync", "--log-level", "warn", "--listen-client-urls", s.etcd, "--advertise-client-urls", s.etcd,
		"--listen-peer-urls", s.peers)
	if err != nil {
		return a, err
	}
	a.processes = append(a.processes, etcd)
	server, err := start(s.folder, nil, filepath.Join(s.programs, "kube-apiserver"), append([]string{
		"--etcd-servers=" + s.etcd, "--bind-address=" + s.bind, fmt.Sprintf("--secure-port=%d", s.port),
		"--service-cluster-ip-range=10.96.0.0/24", "--allow-privileged=true",
		"--tls-cert-file=" + a.path("apiserver.crt"), "--tls-private-key-file=" + a.path("apiserver.key"),
		"--client-ca-file=" + a.path("ca.crt"), "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + a.path("sa.key"), "--service-account-signing-key-file=" + a.path("sa.key"),
	}, s.extra...)...)
	if err != nil {
		return a, err
	}
	a.processes = append(a.processes, server)
	return a, server.wait(ctx, 2*time.Minute, a.ready)
}

// stop ends the processes, the last one first.
func (a *api) stop() {
	for i := len(a.processes) - 1; i >= 0; i-- {
		a.processes[i].Stop()
	}
}

// newClient makes a client with the rights of the administrator.
func (a *api) newClient() (*http.Client, error) {
	certificate, err := tls.LoadX509KeyPair(a.path("admin.crt"), a.path("admin.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 100,
		ForceAttemptHTTP2:   true,
	}}, nil
}

func (a *api) ready(ctx context.Context) error { return a.get(ctx, "/readyz", nil) }

// get asks the API server and decodes what it answers.
func (a *api) get(ctx context.Context, path string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
