// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Codes of server exceptions, as in ClickHouse's src/Common/ErrorCodes.cpp.
const (
	codeBadArguments          = 36
	codeIllegalTypeOfArgument = 43
	codeIllegalColumn         = 44
	codeSyntaxError           = 62
	codeArgumentOutOfBound    = 69
	codeUnknownSetting        = 115
	codeIncorrectData         = 117
	codeUnknownUser           = 192
	codeWrongPassword         = 193
	codeViolatedConstraint    = 469
	codeAccessDenied          = 497
	codeAuthenticationFailed  = 516
)

// permanent reports whether another attempt would end the same way. Everything is tried again unless it is known to be
// the fault of the data: of a fault never seen before nobody knows whether it passes, and a wrong guess loses samples.
// A wrong password is tried again too: somebody will mend it, and retry_on_failure bounds the wait. So are missing and
// altered tables, for the next attempt looks at the database anew.
func permanent(err error) bool {
	switch code(err) {
	case codeBadArguments, codeIllegalTypeOfArgument, codeIllegalColumn, codeSyntaxError, codeArgumentOutOfBound,
		codeUnknownSetting, codeIncorrectData, codeViolatedConstraint:
		return true
	}
	return false
}

// refused reports whether the server does not let the user in, or not do this.
func refused(err error) bool {
	switch code(err) {
	case codeUnknownUser, codeWrongPassword, codeAccessDenied, codeAuthenticationFailed:
		return true
	}
	return false
}

// code returns the code of the server's exception, 0 if the error is none.
func code(err error) int32 {
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return exception.Code
	}
	return 0
}
