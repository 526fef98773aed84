/* The few words that every file uses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define must_check     __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define cleanup(how)   __attribute__((cleanup(how)))
#define COUNT_OF(a)    (sizeof(a) / sizeof *(a))
#define MIN(a, b)      ((a) < (b) ? (a) : (b))
#define MAX(a, b)      ((a) > (b) ? (a) : (b))

enum { KIB = 1024, MIB = 1024 * 1024 };
#define GIB ((uint64_t)1 << 30)
