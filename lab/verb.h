/* The verb "aksu lab". */
#ifndef LAB_VERB_H
#define LAB_VERB_H

/* argv[0] is the verb.  Answers the exit status. */
int lab_verb(int argc, char **argv);

#endif /* LAB_VERB_H */
