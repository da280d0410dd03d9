"""What callers say on any line that is no wish of theirs to the business.

Questions about the world, half sentences, talk that was meant for somebody in the room, the television, and what
recognisers make of noise. Every dialplan has them as out of scope, but for those that are examples of an intent there.
Matters of other businesses are not among them: which ones are foreign only the dialplan knows (`out_of_scope`).
"""

from __future__ import annotations

from typing import Final

PHRASES: Final = tuple(
    """\
what is the weather today
will it rain tomorrow
how cold is it outside
is it going to snow on Friday
what is the temperature
what day is today
what is the date
what time is it now
what year is it
what is two plus two
how many feet are in a mile
how do you spell banana
how tall is the Eiffel tower
how far is it to the sun
how old is the queen
how many people live in China
how do I cook rice
how do I tie a tie
how do I get a visa
who is the king of England
who won the game last night
who invented the telephone
who sings this song
what is the capital of Spain
what is the biggest animal
what is the population of Texas
what is the speed of light
what is love
what is on TV
what does that word mean
what should I eat tonight
what is the score of the game
when is the next full moon
when did the war end
when is mother's day
where is Mount Everest
why is the sky blue
why do cats purr
which team won
tell me the news
tell me the football results
play a song
play the radio
turn on the light
turn up the heat
turn the volume down
set a timer for ten minutes
set a reminder
wake me up at six
open the garage
call my wife
call mom
send a message to Anna
write an email to my boss
add milk to my shopping list
translate hello into French
how is the traffic
take a picture
find a restaurant near me
buy some stocks
the stock market is down
I was just
I was going to
I was thinking about the
I think I
I mean
I would like to
I want to
I want
I need
I need to
I have a
I am
I'm not
I don't
I don't know
if you could
if I
if the
could you
could you please
can I
can you
can you please
would you
do you
do you have
do you know
is there
is there a
are there
are you
was it
there is a
there was
that is the
this is the
it is
it was the
it's like
it's about
about the
the thing is that
the other day
the one with the
the one that
one of the
the next
the last
the
and then
and the
and I
and so on
but
but I
but then
or maybe
or the
because
because the
so I
so
so anyway
so that's why
then we
well
well I
well actually
well let me see
maybe
maybe the
you know what I mean
you know
like
like I said
let me
let me see
hold on
hang on a second
wait
wait a minute
one moment
just a second
just a minute
with my
for my
for the
from the
to the
in the
on the
at the
of the
what is the
what is a
what if
what about the
when the
when you
where the
which one
how about
how do I
how do you
how much
how many
how long
who
why
why not
really
of course
exactly
sure
right
I see
I guess
I suppose so
my friend said
my brother has
my mother is here
my father told me
she said that
he told me
he is coming
they went home
we were at the beach
we went to the store yesterday
yes dear I am coming
come here
sit down please
stop it
leave it alone
don't touch that
give that back to your sister
put your shoes on
go to bed
go brush your teeth
do your homework
dinner is ready
lunch is on the table
are you hungry
did you eat already
did you take out the trash
did you see my keys
can you hold this for me
can you close the door
close the window
the baby is crying
the dog is barking
the phone is ringing
somebody is at the door
the kettle is boiling
turn that off
turn right in two hundred feet
stay tuned for more
we will be right back
and now the weather
breaking news tonight
the president said today
he shoots he scores
mom where are you
daddy look at me
I'm talking on the phone
be quiet I'm on the phone
not now honey
in a minute sweetheart
I love you too mom
I'm so tired
I'm hungry
I'm bored
I'm sick
I'm angry
I'm driving
I had a bad day
my head hurts
my cat is sick
my car is red
it is raining
it is hot today
it is cold in here
the sun is shining
I like ice cream
I hate this
this is stupid
you are stupid
shut up
go to hell
damn it
oh my god
nonsense
we have a great offer for you
you have won a prize
this call is about your insurance
your computer has a virus
we can lower your electric bill
would you like to take part in a survey
banana
window
purple elephants
seven green apples
the cat sat on the mat
the moon is made of cheese
a b c d
one two three
one two three four five
red yellow blue
la la la
blah blah blah
bla bla
ha ha ha
mm
hmm hmm
uh uh uh
ah ah
da da da
the a the a
is is is
to to to
you you
tick tock
wash the wall under
sheep on the phone book
under over apple
green the walk of table
house mouse grouse
the spoon ran under
lamp of the cloud
shoe the flower
bin the corn
low the fence and
a dozen eggs and a door
monday orange river
apple seven window
kitchen the on tuesday
number of the house nine
what is your horoscope for today
it's my birthday today
it is my anniversary
I got married yesterday
I am going on vacation
I went to the doctor
I have a headache
I have two kids
I have a dog
I am at work
I am in the kitchen
I am on the bus
I am watching television
I am cooking dinner
I am reading a book
I think it is funny
I think so too
that is what I thought
that is not true
that is my sister
that's the wrong one
that's so sad
it was a long day
it was yesterday
it was on sale
he said it was broken
she is at school
she is not here
they are playing outside
we are having dinner
we are going to the movies
we are late
you should see this
you should have seen it
you never listen
you forgot the keys
your mother called
your room is a mess
where are the kids
where is the remote
where did you put it
where have you been
who is at the door
who ate my sandwich
who is calling
what did he say
what did she want
what are you doing over there
what are you looking at
what happened
what a mess
what a game
why are you crying
why did you do that
when are you coming home
how was school
how did it go
can you get the door
can you help me with the groceries
can you come here
can you turn it down
can you wait
could you bring me a glass of water
give me a minute
give me the phone
get in the car
get out of the kitchen
look at that
look over there
listen to this
watch out
be careful
be right there
hurry up
come on
let's eat
let's go home
let's see what is on
no not you
no I was talking to my husband
no not now
yes I told you
sorry I was talking to my wife
sorry wrong number
wrong number
I think I have the wrong number
testing testing
is this thing on
I can't find it
I can't believe it
I don't care
I don't remember
I don't think so
I forgot what I wanted to say
I forgot
I will think about it
I wonder if
I was told that
I heard that
I saw that
it says here that
it says that the
in case the
if it
if they
do they
does it
did they
did you
have you
has the
should I
would it
will it
will you
so can you
so do you
so I have this
so there's this
um I
um can
um the
uh well
uh yeah
and then what
and also
or something
something like that
some of them
that one
this one
these
those
the big one
the first one
the same as
the blue
more than
less than
up to
down there
over there
next to the
""".splitlines()
)
