/* Numbers with units as people write them: 50ms, 10Mbit, 64K, 1%. */
#ifndef LAB_QUANTITY_H
#define LAB_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum lab_unit {
    LAB_UNIT_TIME, /* in microseconds */
    LAB_UNIT_RATE, /* in bits a second */
    LAB_UNIT_BYTES,
    LAB_UNIT_PART, /* in parts per million */
} lab_unit;

/* A number with a unit of that kind; 0 and bytes need none.  False: anything else, and what is larger than max. */
bool lab_quantity_in(const char *text, lab_unit unit, uint64_t max, uint64_t *ret_value);

/* The same with any unit or none. */
bool lab_quantity_of(const char *text, uint64_t *ret_value);

#endif /* LAB_QUANTITY_H */
