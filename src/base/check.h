/* Assertions of our own invariants, never of what a peer sent.  On by default; AK_NO_CHECKS removes them. */
#ifndef AK_BASE_CHECK_H
#define AK_BASE_CHECK_H

#ifdef AK_NO_CHECKS
#define ak_check(condition) ((void)0)
#else
#define ak_check(condition) ((condition) ? (void)0 : __builtin_trap())
#endif

#endif
