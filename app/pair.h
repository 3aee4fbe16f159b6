/* The verb "aksu pair". */
#ifndef APP_PAIR_H
#define APP_PAIR_H

/* argv[0] is the verb.  Answers the exit status. */
int pair_verb(int argc, char **argv);

#endif
