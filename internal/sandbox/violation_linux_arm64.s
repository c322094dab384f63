#include "textflag.h"

DATA ·onViolation(SB)/8, $handler<>(SB)
GLOBL ·onViolation(SB), NOPTR, $8

// handler is called by the kernel, with the signal's number in R0 and its siginfo in R1.
TEXT handler<>(SB), NOSPLIT|TOPFRAME, $8-0
	MOVD R1, 8(RSP)
	CALL ·violated(SB)
	BRK
