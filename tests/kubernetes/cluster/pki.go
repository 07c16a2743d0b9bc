// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority signs the certificates of one cluster and writes them to its folder.
type authority struct {
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

// newAuthority makes the folder with ca.crt, and sa.key for the tokens of service accounts.
func newAuthority(folder string) (*authority, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	a := &authority{folder: folder}
	template := certificate("test-ca", nil)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	var err error
	if a.key, err = a.newKey("ca"); err != nil {
		return nil, err
	}
	if a.certificate, a.pem, err = a.sign("ca", template, template, a.key); err != nil {
		return nil, err
	}
	_, err = a.newKey("sa")
	return a, err
}

func certificate(name string, groups []string) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: groups},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
	}
}

// issue writes NAME.crt and NAME.key of a user, or of a server that is reached by the hosts.
func (a *authority) issue(name, user string, groups []string, hosts ...string) error {
	template := certificate(user, groups)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key, err := a.newKey(name)
	if err != nil {
		return err
	}
	_, _, err = a.sign(name, template, a.certificate, key)
	return err
}

// kubeconfig writes NAME.kubeconfig with a certificate of the user.
func (a *authority) kubeconfig(name, server, user string, groups ...string) error {
	if err := a.issue(name, user, groups); err != nil {
		return err
	}
	type object = map[string]any
	text, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": []object{{"name": "test", "cluster": object{"server": server, "certificate-authority-data": a.pem}}},
		"contexts": []object{{"name": "test", "context": object{"cluster": "test", "user": user}}},
		"users": []object{{"name": user, "user": object{
			"client-certificate": a.path(name + ".crt"), "client-key": a.path(name + ".key"),
		}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(a.path(name+".kubeconfig"), text, 0o600)
}

func (a *authority) path(name string) string { return filepath.Join(a.folder, name) }

func (a *authority) newKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return key, os.WriteFile(a.path(name+".key"), text, 0o600)
}

func (a *authority) sign(name string, template, parent *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, []byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return signed, text, os.WriteFile(a.path(name+".crt"), text, 0o600)
}
