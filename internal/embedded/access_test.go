// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

func TestPasswordIsRequiredOfEveryClient(t *testing.T) {
	for name, listen := range map[string]string{"this host alone": "127.0.0.1", "every address": "0.0.0.0"} {
		t.Run(name, func(t *testing.T) {
			const password = `p<&"' ü`
			s := embeddedtest.Start(t, embedded.Options{Listen: listen, User: "ann", Password: password})
			assert.Equal(t, "ann", s.Info().User)

			status, text := ask(t, s.Info(), "ann", password, "SELECT currentUser()")
			require.Equal(t, http.StatusOK, status, text)
			assert.Equal(t, "ann", text)

			status, text = ask(t, s.Info(), "ann", "wrong", "SELECT 1")
			assert.NotEqual(t, http.StatusOK, status, text)
			status, text = ask(t, s.Info(), "", "", "SELECT 1")
			assert.NotEqual(t, http.StatusOK, status, text)
			assert.Error(t, pingNative(t, s.Info(), "", ""))
			assert.Error(t, pingNative(t, s.Info(), "ann", "wrong"))
			assert.NoError(t, pingNative(t, s.Info(), "ann", password))

			assertSecret(t, s.Path(), password)
		})
	}
}

// pingNative connects over the native protocol and asks something.
func pingNative(t *testing.T, i embedded.Info, user, password string) error {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{i.NativeAddr()},
		Auth: clickhouse.Auth{Username: user, Password: password},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	var one uint8
	return conn.QueryRow(t.Context(), "SELECT 1").Scan(&one)
}

// assertSecret expects that others can't read the folder, and that the password stands in no file of it.
func assertSecret(t *testing.T, path, password string) {
	t.Helper()
	for _, dir := range []string{"config", "log", "clickhouse"} {
		info, err := os.Stat(filepath.Join(path, dir))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), dir)
	}
	for _, name := range []string{"config/server.xml", "config/users.xml", "server.json", "log/output.log"} {
		info, err := os.Stat(filepath.Join(path, name))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
		text, err := os.ReadFile(filepath.Join(path, name))
		require.NoError(t, err)
		assert.NotContains(t, string(text), password, name)
	}
}

// Everybody on the host may ask the server, which may be root's: SQL must not be a way to root's files.
func TestSQLReachesNoFilesAndCommandsOfTheHost(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("xyzzy"), 0o600))
	i := embeddedtest.Shared(t)
	one(t, i, "CREATE DATABASE attack")
	for _, query := range []string{
		"SELECT file('" + secret + "')",
		"SELECT * FROM file('" + secret + "', LineAsString, 'l String')",
		"SELECT * FROM url('file://" + secret + "', LineAsString, 'l String')",
		"SELECT * FROM `" + secret + "`",
		"SELECT * FROM default.`" + secret + "`",
		"SELECT * FROM filesystem('" + filepath.Dir(secret) + "')",
		"SELECT file('/proc/1/environ')",
		"SELECT file('/etc/passwd')",
		"INSERT INTO FUNCTION file('" + secret + ".new', TSV, 'a Int8') VALUES (1)",
		"CREATE TABLE attack.f (l String) ENGINE = File(LineAsString, '" + secret + "')",
		"CREATE TABLE attack.e (l String) ENGINE = Executable('id', TSV)",
		"CREATE DATABASE attack2 ENGINE = Filesystem('/')",
		"CREATE DATABASE attack3 ENGINE = SQLite('" + secret + ".db')",
		"CREATE DICTIONARY attack.d (a UInt64, b String) PRIMARY KEY a " +
			"SOURCE(EXECUTABLE(COMMAND 'id' FORMAT TSV)) LAYOUT(DIRECT())",
		"BACKUP DATABASE attack TO File('" + secret + ".zip')",
		"CREATE USER attacker",
	} {
		status, text := ask(t, i, "", "", query)
		assert.NotEqual(t, http.StatusOK, status, "%s: %s", query, text)
		assert.NotContains(t, text, "xyzzy", query)
	}
	files, err := os.ReadDir(filepath.Dir(secret))
	require.NoError(t, err)
	assert.Len(t, files, 1, "something was written")
}

func TestSQLCanDoWhatADatabaseNeeds(t *testing.T) {
	i := embeddedtest.Shared(t)
	for _, query := range []string{
		"CREATE DATABASE works",
		"CREATE TABLE works.t (a UInt64, at DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY a PARTITION BY a % 2 " +
			"TTL at + INTERVAL 1 DAY SETTINGS non_replicated_deduplication_window = 100",
		"CREATE TABLE works.sums (a UInt64, n SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY a",
		"CREATE MATERIALIZED VIEW works.mv TO works.sums AS SELECT a, count() AS n FROM works.t GROUP BY a",
		"CREATE VIEW works.v AS SELECT * FROM works.t WHERE a >= {low:UInt64}",
		"INSERT INTO works.t (a) SETTINGS insert_deduplication_token = 'x' SELECT number FROM numbers(10)",
		"ALTER TABLE works.t ADD COLUMN IF NOT EXISTS f Float64 COMMENT 'x' CODEC(Delta, ZSTD(3))",
		"OPTIMIZE TABLE works.t FINAL",
		"SELECT * FROM works.v(low = 3) FORMAT Parquet",
		"SELECT count() FROM remote('" + i.NativeAddr() + "', works.t)",
		"CREATE TEMPORARY TABLE scratch (a UInt8)",
		"SYSTEM STOP MERGES works.t", "SYSTEM START MERGES works.t", "SYSTEM FLUSH LOGS",
		"KILL QUERY WHERE query_id = 'none'",
		"TRUNCATE TABLE works.t", "DROP TABLE works.mv SYNC", "DROP DATABASE works SYNC",
	} {
		status, text := ask(t, i, "", "", query)
		assert.Equal(t, http.StatusOK, status, "%s: %s", query, text)
	}
}
