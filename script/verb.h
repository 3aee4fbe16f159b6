/* The verb "aksu script". */
#ifndef SCRIPT_VERB_H
#define SCRIPT_VERB_H

/* argv[0] is the verb.  Answers the exit status. */
int script_verb(int argc, char **argv);

#endif
